// IncrementalAlterConfigs and AlterConfigs, of topics and of brokers. Owner: the controller (main thread). Pure. Not hot.
//
// Both come down to a new set of overrides of one resource: the old one with changes, or one that replaces it. The set is
// valid as a whole or the resource keeps what it had.

import { CLUSTER_DEFAULT } from './metadata-image.ts';
import { BROKER_CONFIG_PREFIX } from './metadata-records.ts';
import { ConfigOperation, ResourceType } from './controller-requests.ts';
import { ErrorCode } from '../base/error-code.ts';
import { FINE, refusal, repeated } from './controller-view.ts';
import { brokerLayers } from './broker-layers.ts';
import { brokerSchema, topicSchema } from '../base/config-schema.ts';
import { contradictions, effectiveBrokerConfig, valueProblem } from '../base/config-broker.ts';
import { describeBrokerConfigs } from '../base/config-description.ts';
import { effectiveTopicText, topicOverridesProblem, unknownTopicConfig } from '../base/config-topic.ts';
import { nearestName } from '../base/config-nearest.ts';
import { splitList } from '../base/config-value.ts';
import type { BrokerLayers } from '../base/config-broker.ts';
import type { ConfigRow } from '../base/config-row.ts';
import type { ControllerView, MetadataChange, Plan } from './controller-view.ts';
import type { Overrides } from '../base/config-topic.ts';
import type {
  AlterConfigsRequest,
  AlterConfigsResult,
  ConfigAssignment,
  ConfigChange,
  ConfigResource,
  IncrementalAlterConfigsRequest,
  ItemResult,
} from './controller-requests.ts';

/** One thing that has configs. */
interface Configurable {
  readonly overrides: Overrides;
  row(name: string): ConfigRow | undefined;
  unknown(name: string): string;
  /** The value in force, which APPEND and SUBTRACT start from. */
  current(name: string): string;
  problem(overrides: Overrides): string | null;
  change(overrides: Overrides): MetadataChange;
}

type Lookup = { readonly ok: true; readonly target: Configurable } | { readonly ok: false; readonly problem: ItemResult };

export function planIncrementalAlterConfigs(view: ControllerView, request: IncrementalAlterConfigsRequest): Plan<AlterConfigsResult> {
  return alterEach(view, request, (target, resource) => changed(target, resource.configs));
}

export function planAlterConfigs(view: ControllerView, request: AlterConfigsRequest): Plan<AlterConfigsResult> {
  return alterEach(view, request, (target, resource) => replaced(target, resource.configs));
}

function alterEach<Resource extends ConfigResource>(
  view: ControllerView,
  request: { readonly resources: readonly Resource[]; readonly validateOnly: boolean },
  alter: (target: Configurable, resource: Resource) => Overrides | ItemResult,
): Plan<AlterConfigsResult> {
  const changes: MetadataChange[] = [];
  const twice = repeated(request.resources.map(resourceKey));
  const results = request.resources.map((resource): AlterConfigsResult => {
    const answer = (result: ItemResult) => ({ ...result, type: resource.type, name: resource.name });
    if (twice.has(resourceKey(resource))) return answer(refusal(ErrorCode.INVALID_REQUEST, 'the request names this resource twice'));
    const found = configurable(view, resource);
    if (!found.ok) return answer(found.problem);
    const overrides = alter(found.target, resource);
    if (isRefusal(overrides)) return answer(overrides);
    const problem = found.target.problem(overrides);
    if (problem !== null) return answer(refusal(ErrorCode.INVALID_CONFIG, problem));
    if (!request.validateOnly && !sameOverrides(found.target.overrides, overrides)) changes.push(found.target.change(overrides));
    return answer(FINE);
  });
  return { results, changes };
}

function changed(target: Configurable, changes: readonly ConfigChange[]): Overrides | ItemResult {
  const twice = [...repeated(changes.map(({ name }) => name))];
  if (twice.length > 0) return refusal(ErrorCode.INVALID_REQUEST, `config ${twice.join(', ')} is changed twice`);
  const overrides: Record<string, string> = { ...target.overrides };
  for (const { name, operation, value } of changes) {
    const row = target.row(name);
    if (row === undefined) return refusal(ErrorCode.INVALID_CONFIG, target.unknown(name));
    if (operation === ConfigOperation.DELETE) {
      delete overrides[name];
      continue;
    }
    if (value === null) return refusal(ErrorCode.INVALID_REQUEST, `config ${name} is given no value`);
    if (operation === ConfigOperation.SET) {
      overrides[name] = value.trim();
      continue;
    }
    if (operation !== ConfigOperation.APPEND && operation !== ConfigOperation.SUBTRACT) {
      return refusal(ErrorCode.INVALID_REQUEST, `there is no operation ${operation} on configs`);
    }
    if (row.type !== 'list') return refusal(ErrorCode.INVALID_CONFIG, `${name} is no list: it can be set and deleted only`);
    const members = splitList(overrides[name] ?? target.current(name));
    const given = splitList(value);
    const after =
      operation === ConfigOperation.APPEND ? [...new Set([...members, ...given])] : members.filter((one) => !given.includes(one));
    overrides[name] = after.join(',');
  }
  return overrides;
}

function replaced(target: Configurable, configs: readonly ConfigAssignment[]): Overrides | ItemResult {
  const twice = [...repeated(configs.map(({ name }) => name))];
  if (twice.length > 0) return refusal(ErrorCode.INVALID_REQUEST, `config ${twice.join(', ')} is given twice`);
  const overrides: Record<string, string> = {};
  for (const { name, value } of configs) {
    if (target.row(name) === undefined) return refusal(ErrorCode.INVALID_CONFIG, target.unknown(name));
    if (value === null) return refusal(ErrorCode.INVALID_REQUEST, `config ${name} is given no value`);
    overrides[name] = value.trim();
  }
  return overrides;
}

function configurable(view: ControllerView, { type, name }: ConfigResource): Lookup {
  if (type === ResourceType.TOPIC) return topicTarget(view, name);
  if (type === ResourceType.BROKER) return brokerTarget(view, name);
  return { ok: false, problem: refusal(ErrorCode.INVALID_REQUEST, `configs of resource type ${type} are not kept here`) };
}

function topicTarget(view: ControllerView, name: string): Lookup {
  const topic = view.image.topic(name);
  if (topic === undefined) {
    return { ok: false, problem: refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic '${name}'`) };
  }
  const layers = brokerLayers(view.settings, view.image, null);
  return {
    ok: true,
    target: {
      overrides: topic.configs,
      row: (key) => topicSchema.get(key),
      unknown: unknownTopicConfig,
      current: (key) => effectiveTopicText(key, topic.configs, layers),
      problem: (overrides) => topicOverridesProblem(overrides, layers),
      change: (configs) => ({ kind: 'put-topic', topic: { ...topic, configs } }),
    },
  };
}

function brokerTarget(view: ControllerView, name: string): Lookup {
  const nodeId = name === CLUSTER_DEFAULT ? null : Number(name);
  if (nodeId !== null && !view.image.nodes.has(nodeId)) {
    return { ok: false, problem: refusal(ErrorCode.INVALID_REQUEST, `there is no broker '${name}'`) };
  }
  const key = nodeId === null ? CLUSTER_DEFAULT : String(nodeId);
  const layers = brokerLayers(view.settings, view.image, nodeId);
  return {
    ok: true,
    target: {
      overrides: view.image.brokerConfigs.get(key) ?? {},
      row: (config) => brokerSchema.get(config),
      unknown: unknownBrokerConfig,
      current: (config) => describeBrokerConfigs(layers).find((described) => described.name === config)?.value ?? '',
      problem: (overrides) => brokerOverridesProblem(overrides, layers, nodeId),
      change: (overrides) => brokerChange(BROKER_CONFIG_PREFIX + key, overrides),
    },
  };
}

function brokerOverridesProblem(overrides: Overrides, layers: BrokerLayers, nodeId: number | null): string | null {
  for (const [name, text] of Object.entries(overrides)) {
    const row = brokerSchema.get(name);
    if (row === undefined) return unknownBrokerConfig(name);
    if (row.update === 'read-only') return `${name} is read at start only; set it in the configuration file and restart`;
    if (row.update === 'per-broker' && nodeId === null) return `${name} is set for one broker at a time`;
    const problem = valueProblem(row, text);
    if (problem !== null) return problem;
  }
  const after: BrokerLayers = nodeId === null ? { ...layers, clusterDynamic: overrides } : { ...layers, nodeDynamic: overrides };
  return contradictions(effectiveBrokerConfig(after))[0] ?? null;
}

function brokerChange(key: string, overrides: Overrides): MetadataChange {
  return Object.keys(overrides).length === 0 ? { kind: 'delete-key', key } : { kind: 'put-record', key, record: overrides };
}

function unknownBrokerConfig(name: string): string {
  const near = nearestName(name, brokerSchema.keys());
  return `'${name}' is not a broker config${near === null ? '' : `; did you mean ${near}?`}`;
}

function isRefusal(value: Overrides | ItemResult): value is ItemResult {
  return typeof value['errorCode'] === 'number';
}

function sameOverrides(a: Overrides, b: Overrides): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function resourceKey({ type, name }: ConfigResource): string {
  return `${type} ${name}`;
}
