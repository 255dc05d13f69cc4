# kafka-python (no C code) as a program of the interop rig; the verbs are those of platformatic.mjs.

import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic
from kafka.structs import OffsetAndMetadata

verb, bootstrap, topic = sys.argv[1:4]
rest = sys.argv[4:]


def produce(codec, idempotent):
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec, enable_idempotence=idempotent == "true", acks="all", linger_ms=5,
    )
    sent = []
    for line in sys.stdin.read().split("\n"):
        if line == "":
            continue
        key, value = line.split("\t", 1)
        sent.append(producer.send(topic, key=key.encode(), value=value.encode()))
    producer.flush(60)
    for one in sent:
        one.get(30)
    producer.close()


def consume(group, count):
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False, check_crcs=True,
        session_timeout_ms=30000, heartbeat_interval_ms=500, consumer_timeout_ms=60_000,
    )
    out = []
    for message in consumer:
        out.append(f"{message.partition}\t{message.offset}\t{message.key.decode()}\t{message.value.decode()}\n")
        if len(out) == int(count):
            break
    consumer.commit()
    consumer.close()
    sys.stdout.write("".join(out))


def admin():
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    client.create_topics([NewTopic(topic, 2, 1, topic_configs={"retention.ms": "3600000"})])
    assert topic in client.list_topics()
    client.create_partitions({topic: NewPartitions(total_count=3)})
    deadline = time.monotonic() + 30
    while len(client.describe_topics([topic])[0]["partitions"]) != 3:
        assert time.monotonic() < deadline, "the third partition does not appear"
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for i in range(30):
        producer.send(topic, value=b"value", partition=1).get(30)
    producer.close()
    client.delete_records({TopicPartition(topic, 1): 10})
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    where = TopicPartition(topic, 1)
    assert consumer.beginning_offsets([where])[where] == 10
    assert consumer.end_offsets([where])[where] == 30
    consumer.close()
    described = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    assert "3600000" in str(described), described
    group = f"{topic}-group"
    client.alter_group_offsets(group, {where: OffsetAndMetadata(17, "", -1)})
    offsets = client.list_group_offsets(group)
    assert "17" in str(offsets), offsets
    assert group in str(client.list_groups())
    assert "Empty" in str(client.describe_groups([group]))
    client.delete_groups([group])
    assert group not in str(client.list_groups())
    assert client.describe_cluster()["cluster_id"]
    client.delete_topics([topic])
    assert topic not in client.list_topics()
    client.close()


{"produce": produce, "consume": consume, "admin": admin}[verb](*rest)
