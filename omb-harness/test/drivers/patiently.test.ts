// A system that is not ready yet is asked again; one that says no is not.
import { expect, test } from 'vitest';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { KafkaError } from '../../../src/net/kafka/client/kafka-connection.ts';
import { patiently } from '../../src/drivers/kafka-wire/patiently.ts';

test.each([ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_LEADER_OR_FOLLOWER])('%s passes', async (code) => {
  let asked = 0;
  const ask = (): Promise<number> => (++asked < 4 ? Promise.reject(new KafkaError(code, 'it')) : Promise.resolve(asked));
  expect(await patiently(ask, 0)).toBe(4);
});

test('anything else does not, and nothing passes forever', async () => {
  let asked = 0;
  const refusing = (code: number) => () => {
    asked++;
    return Promise.reject(new KafkaError(code, 'it'));
  };
  await expect(patiently(refusing(ErrorCode.TOPIC_AUTHORIZATION_FAILED), 0)).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED');
  expect(asked).toBe(1);
  await expect(patiently(refusing(ErrorCode.LEADER_NOT_AVAILABLE), 0)).rejects.toThrow('LEADER_NOT_AVAILABLE');
  expect(asked).toBe(151);
});
