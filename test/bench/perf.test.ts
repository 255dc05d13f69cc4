// What the benchmark reads out of perf's output.

import { expect, test } from 'vitest';
import { benchModule } from './bench-module.ts';

const { groupStacks, parseStat } = await benchModule('perf.mjs');

test('counts are read by event, and what was not counted is left out', () => {
  const text = `# started on Sat Nov 21 12:25:35 2026

1203,,raw_syscalls:sys_enter,88123,100.00,,
17,,context-switches,88123,100.00,0.2,K/sec
512.25,msec,task-clock,512250000,100.00,0.171,CPUs utilized
<not counted>,,syscalls:sys_enter_poll,0,0.00,,
`;
  expect(parseStat(text)).toEqual({ 'raw_syscalls:sys_enter': 1203, 'context-switches': 17, 'task-clock': 512.25 });
});

test('a sample belongs to the kernel work its stack passes through, else to the code it is in', () => {
  const send = `	ffffffff81a1 tcp_v4_rcv ([kernel.kallsyms])
	ffffffff81a2 __napi_poll ([kernel.kallsyms])
	ffffffff81a3 tcp_sendmsg ([kernel.kallsyms])
	ffffffff81a4 __sys_sendmsg ([kernel.kallsyms])
	    7f00 sendmsg (/usr/lib/libc.so.6)`;
  const stacks = [
    send,
    send,
    '	ffffffff81a1 ep_poll ([kernel.kallsyms])\n	ffffffff81a2 do_epoll_wait ([kernel.kallsyms])\n	7f00 epoll_wait (/usr/lib/libc.so.6)',
    '	ffffffff81a1 copy_page ([kernel.kallsyms])\n	ffffffff81a2 ext4_buffered_write_iter ([kernel.kallsyms])',
    '	ffffffff81a1 asm_sysvec_apic_timer_interrupt ([kernel.kallsyms])\n	7f00 main (/usr/bin/node)',
    '	7f00 Builtins_LoadIC (/usr/bin/node)',
    '	7f00 [unknown] (//anon)',
    '	7f00 drain(Reactor&) (/x/ringlog.node)\n	7f01 Builtins_CallApi (/usr/bin/node)',
  ];
  expect(new Map(groupStacks(stacks.join('\n\n')))).toEqual(
    new Map([
      ['TCP send', 2 / 8],
      ['user code, JavaScript or JIT', 2 / 8],
      ['wake-up', 1 / 8],
      ['file write', 1 / 8],
      ['kernel, other', 1 / 8],
      ['user code, native: ringlog.node', 1 / 8],
    ]),
  );
});
