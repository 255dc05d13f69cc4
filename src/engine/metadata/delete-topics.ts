// DeleteTopics, by name or by id. Owner: the controller (main thread). Pure. Not hot.
// Only metadata goes here; shards remove the files of a partition when the image no longer has it.

import { ErrorCode } from '../base/error-code.ts';
import { FINE, refusal, repeated } from './controller-view.ts';
import { ZERO_UUID } from '../base/uuid.ts';
import type { ControllerView, MetadataChange, Plan } from './controller-view.ts';
import type { DeletableTopic, DeleteTopicResult, DeleteTopicsRequest } from './controller-requests.ts';
import type { TopicImage } from './metadata-image.ts';

export function planDeleteTopics(view: ControllerView, request: DeleteTopicsRequest): Plan<DeleteTopicResult> {
  const targets = request.topics.map((topic) => find(view, topic));
  const twice = repeated(targets.flatMap((target) => (target === undefined ? [] : [target.name])));
  const changes: MetadataChange[] = [];
  const results = request.topics.map((topic, i): DeleteTopicResult => {
    const target = targets[i];
    const named = { name: topic.name, topicId: topic.topicId };
    if ((topic.name === null) === (topic.topicId === ZERO_UUID)) {
      return { ...refusal(ErrorCode.INVALID_REQUEST, 'a topic is named by its name or by its id, and by one of them'), ...named };
    }
    if (target === undefined) return { ...unknown(topic), ...named };
    if (twice.has(target.name)) return { ...refusal(ErrorCode.INVALID_REQUEST, 'the request names this topic twice'), ...named };
    if (!view.settings.config['delete.topic.enable']) {
      return { ...refusal(ErrorCode.TOPIC_DELETION_DISABLED, 'delete.topic.enable is false'), ...named };
    }
    changes.push({ kind: 'delete-topic', name: target.name });
    return { ...FINE, name: target.name, topicId: target.id };
  });
  return { results, changes };
}

function find(view: ControllerView, { name, topicId }: DeletableTopic): TopicImage | undefined {
  return name === null ? view.image.topicById(topicId) : view.image.topic(name);
}

function unknown({ name, topicId }: DeletableTopic) {
  return name === null
    ? refusal(ErrorCode.UNKNOWN_TOPIC_ID, `there is no topic with id ${topicId}`)
    : refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic '${name}'`);
}
