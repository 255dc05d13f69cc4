// DeleteTopics (API key 20). Owner: the shard's thread; the controller decides.

import { ErrorCode } from '../../../engine/base/error-code.ts';
import { ZERO_UUID } from '../../../engine/base/uuid.ts';
import { deleteTopicsApi } from '../schema/generated/delete-topics.ts';
import { apiHandler } from './api-handler.ts';

/** From this version on a request names its topics in `topics`, before in `topicNames`. */
const STATES_SINCE = 6;

export const deleteTopicsHandler = apiHandler({
  api: deleteTopicsApi,
  async handle({ services, apiVersion }, request) {
    const byName = request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
    const topics = apiVersion >= STATES_SINCE ? request.topics : byName;
    if (!services.effectiveConfig()['delete.topic.enable']) {
      const errorCode = apiVersion >= 3 ? ErrorCode.TOPIC_DELETION_DISABLED : ErrorCode.INVALID_REQUEST;
      return { responses: topics.map((topic) => ({ ...topic, errorCode })) };
    }
    return { responses: await services.controller.deleteTopics({ topics }) };
  },
});
