// InitProducerId (API key 22): an id for an idempotent producer. Owner: the shard's thread.
//
// Transactions are not there yet: a transactional id is refused as a version this broker does not support, which every
// client reports as final.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { initProducerIdApi } from '../schema/generated/init-producer-id.ts';
import { apiHandler } from './api-handler.ts';

export const initProducerIdHandler = apiHandler({
  api: initProducerIdApi,
  async handle({ services }, request) {
    if (request.transactionalId !== null) {
      const errorCode = request.transactionalId === '' ? ErrorCode.INVALID_REQUEST : ErrorCode.UNSUPPORTED_VERSION;
      return { errorCode, producerId: -1, producerEpoch: -1 };
    }
    const producerId = await services.nextProducerId();
    return { errorCode: producerId < 0 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : ErrorCode.NONE, producerId, producerEpoch: 0 };
  },
});
