# The addon: one binary for every Node from 20 on (Node-API 8). Each unit lists its sources (native/README.md).
# Headers are found from native/, so no file in native/sys may be named as one of the system's <sys/...>.
{
  'targets': [
    {
      'target_name': 'ringlog',
      'sources': [
        'native/units/napi.cc',
        'native/units/reactor.cc',
        'native/units/sys.cc',
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
