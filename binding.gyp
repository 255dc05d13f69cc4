# The addon: one binary for every Node from 20 on (Node-API 8). Sources by layer: base < sys < ring < reactor < napi.
# Headers are found from native/, so no file in native/sys may be named as one of the system's <sys/...>.
{
  'targets': [
    {
      'target_name': 'ringlog',
      'sources': [
        'native/sys/affinity.cc',
        'native/sys/commit_write.cc',
        'native/sys/crc32c.cc',
        'native/sys/direct_file.cc',
        'native/sys/file_io.cc',
        'native/sys/file_threads.cc',
        'native/sys/mapping.cc',
        'native/sys/tcp_socket.cc',
        'native/sys/verify_range.cc',
        'native/ring/probe.cc',
        'native/ring/ring.cc',
        'native/reactor/accept.cc',
        'native/reactor/batch_walker.cc',
        'native/reactor/block_pool.cc',
        'native/reactor/cold_read.cc',
        'native/reactor/commit_work.cc',
        'native/reactor/connection_close.cc',
        'native/reactor/file_work.cc',
        'native/reactor/linger.cc',
        'native/reactor/managed_store.cc',
        'native/reactor/produce_walker.cc',
        'native/reactor/read_ahead.cc',
        'native/reactor/reactor.cc',
        'native/reactor/receive.cc',
        'native/reactor/send.cc',
        'native/reactor/submission.cc',
        'native/napi/addon.cc',
        'native/napi/reactor_binding.cc',
        'native/napi/reactor_loop.cc',
      ],
      'include_dirs': ['native'],
      'defines': ['NAPI_VERSION=8', '_GNU_SOURCE', '_FILE_OFFSET_BITS=64'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-fno-exceptions'],
      'cflags_cc': [
        '-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden',
      ],
      'conditions': [
        ['OS!="linux"', {'type': 'none', 'sources': []}],
      ],
    },
  ],
}
