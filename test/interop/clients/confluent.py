# confluent-kafka (librdkafka) as a program of the interop rig; the verbs are those of platformatic.mjs, and:
#
#   share BOOTSTRAP TOPIC GROUP COUNT   two cooperative members read COUNT records, then one leaves and the other has all

import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka import ConsumerGroupTopicPartitions

verb, bootstrap, topic = sys.argv[1:4]
rest = sys.argv[4:]
DEADLINE = time.monotonic() + 60


def produce(codec, idempotent):
    failed = []
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": idempotent == "true", "linger.ms": 5})
    for line in sys.stdin.read().split("\n"):
        if line == "":
            continue
        key, value = line.split("\t", 1)
        producer.produce(topic, key=key, value=value, on_delivery=lambda error, _: error and failed.append(error))
        producer.poll(0)
    assert producer.flush(60) == 0, "records are left after the flush"
    assert not failed, f"not delivered: {failed[:3]}"


def member(group, **options):
    return Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "session.timeout.ms": 30000, "heartbeat.interval.ms": 500, "partition.assignment.strategy": "cooperative-sticky", **options,
    })


def show(message):
    return f"{message.partition()}\t{message.offset()}\t{message.key().decode()}\t{message.value().decode()}\n"


def poll(consumer):
    message = consumer.poll(0.1)
    if message is None:
        assert time.monotonic() < DEADLINE, "no records"
        return None
    if message.error():
        raise KafkaException(message.error())
    return message


def consume(group, count):
    # A static member, for its own request fields.
    consumer = member(group, **{"group.instance.id": "confluent-1"})
    consumer.subscribe([topic])
    out = []
    while len(out) < int(count):
        message = poll(consumer)
        if message:
            out.append(show(message))
    consumer.commit(asynchronous=False)
    consumer.close()
    sys.stdout.write("".join(out))


def commit(consumer):
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._NO_OFFSET:
            raise


def share(group, count):
    members = [member(group), member(group)]
    for one in members:
        # A member that comes late takes partitions over: from where they were read to, not from the beginning.
        one.subscribe([topic], on_revoke=lambda consumer, _: commit(consumer))
    out = []
    partitions = len(members[0].list_topics(topic, timeout=10).topics[topic].partitions)
    while len(out) < int(count) or any(len(one.assignment()) != partitions // 2 for one in members):
        for one in members:
            message = poll(one)
            if message:
                out.append(show(message))
        assert time.monotonic() < DEADLINE, f"assignments {[one.assignment() for one in members]}, {len(out)} records"
    for one in members:
        one.commit(asynchronous=False)
    members[0].close()
    while len(members[1].assignment()) != partitions:
        assert members[1].poll(0.1) is None, "a record was read twice"
        assert time.monotonic() < DEADLINE, "the member that stayed did not get all partitions"
    members[1].close()
    sys.stdout.write("".join(sorted(out, key=lambda line: [int(x) for x in line.split("\t")[:2]])))


def only(futures):
    (future,) = futures.values()
    return future.result(30)


def admin():
    client = AdminClient({"bootstrap.servers": bootstrap})
    only(client.create_topics([NewTopic(topic, 2, 1, config={"retention.ms": "3600000"})]))
    assert topic in client.list_topics(timeout=10).topics
    only(client.create_partitions([NewPartitions(topic, 3)]))
    while len(client.list_topics(topic, timeout=10).topics[topic].partitions) != 3:
        assert time.monotonic() < DEADLINE
    producer = Producer({"bootstrap.servers": bootstrap})
    for i in range(30):
        producer.produce(topic, value=f"value {i}", partition=1)
    assert producer.flush(30) == 0
    where = TopicPartition(topic, 1)
    assert only(client.list_offsets({where: OffsetSpec.latest()})).offset == 30
    only(client.delete_records([TopicPartition(topic, 1, 10)]))
    assert only(client.list_offsets({where: OffsetSpec.earliest()})).offset == 10

    resource = ConfigResource(ResourceType.TOPIC, topic)
    change = ConfigEntry("segment.ms", "7200000", incremental_operation=AlterConfigOpType.SET)
    only(client.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])]))
    configs = only(client.describe_configs([resource]))
    assert (configs["segment.ms"].value, configs["retention.ms"].value) == ("7200000", "3600000")

    group = f"{topic}-group"
    only(client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 1, 17)])]))
    offsets = only(client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]))
    assert [(one.partition, one.offset) for one in offsets.topic_partitions] == [(1, 17)]
    assert group in [one.group_id for one in client.list_consumer_groups().result(30).valid]
    described = only(client.describe_consumer_groups([group]))
    assert described.state.name == "EMPTY", described.state
    only(client.delete_consumer_groups([group]))
    assert group not in [one.group_id for one in client.list_consumer_groups().result(30).valid]
    assert len(client.describe_cluster().result(30).cluster_id) == 22
    only(client.delete_topics([topic]))
    while topic in client.list_topics(timeout=10).topics:
        assert time.monotonic() < DEADLINE


{"produce": produce, "consume": consume, "share": share, "admin": admin}[verb](*rest)
