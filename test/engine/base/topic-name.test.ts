// Names of topics.

import { expect, it } from 'vitest';
import { topicCollisionKey, topicNameProblem } from '../../../src/engine/base/topic-name.ts';

it.each(['a', 'A.b_c-9', '...', '__consumer_offsets', 'x'.repeat(249)])('takes %s', (name) => {
  expect(topicNameProblem(name)).toBeNull();
});

it.each(['', '.', '..', 'x'.repeat(250), 'a b', 'a/b', 'ä', 'a\n', 'a:b', '\u0000'])('refuses %j', (name) => {
  expect(topicNameProblem(name)).not.toBeNull();
});

it('lets names collide that metrics cannot tell apart', () => {
  expect(topicCollisionKey('a.b_c')).toBe(topicCollisionKey('a_b.c'));
  expect(topicCollisionKey('a-b')).not.toBe(topicCollisionKey('a_b'));
});
