// franz-go as a program of the interop rig; the verbs are those of platformatic.mjs and the `share` of confluent.py.
// It is compiled in its own module below the git-ignored .peers/.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var ctx, cancel = context.WithTimeout(context.Background(), 90*time.Second)

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func check(ok bool, format string, args ...any) {
	if !ok {
		must(fmt.Errorf(format, args...), "check")
	}
}

func open(bootstrap string, options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.ClientID("franz")}, options...)...)
	must(err, "client")
	return client
}

func codecOf(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

func produce(bootstrap, topic, codec, idempotent string) {
	options := []kgo.Opt{kgo.ProducerBatchCompression(codecOf(codec)), kgo.ProducerLinger(2 * time.Millisecond)}
	if idempotent != "true" {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	client := open(bootstrap, options...)
	defer client.Close()
	text, err := io.ReadAll(os.Stdin)
	must(err, "stdin")
	for _, line := range strings.Split(string(text), "\n") {
		if line == "" {
			continue
		}
		key, value, _ := strings.Cut(line, "\t")
		record := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
		client.Produce(ctx, record, func(_ *kgo.Record, err error) { must(err, "produce") })
	}
	must(client.Flush(ctx), "flush")
}

func member(bootstrap, topic, group string) *kgo.Client {
	return open(bootstrap, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(300*time.Millisecond), kgo.FetchMaxWait(300*time.Millisecond),
		// A member that comes late takes partitions over: from where they were read to, not from the beginning.
		kgo.OnPartitionsRevoked(func(ctx context.Context, client *kgo.Client, _ map[string][]int32) {
			must(client.CommitUncommittedOffsets(ctx), "commit at a revocation")
		}))
}

type line struct {
	partition int32
	offset    int64
	text      string
}

func read(client *kgo.Client, wait time.Duration) []line {
	limited, done := context.WithTimeout(ctx, wait)
	defer done()
	var lines []line
	fetches := client.PollFetches(limited)
	for _, fault := range fetches.Errors() {
		check(limited.Err() != nil, "fetch %s/%d: %v", fault.Topic, fault.Partition, fault.Err)
	}
	fetches.EachRecord(func(r *kgo.Record) {
		lines = append(lines, line{r.Partition, r.Offset, fmt.Sprintf("%d\t%d\t%s\t%s\n", r.Partition, r.Offset, r.Key, r.Value)})
	})
	check(ctx.Err() == nil, "the deadline has passed")
	return lines
}

func show(lines []line) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, one := range lines {
		out.WriteString(one.text)
	}
}

func consume(bootstrap, topic, group, count string) {
	client := member(bootstrap, topic, group)
	wanted, _ := strconv.Atoi(count)
	var lines []line
	for len(lines) < wanted {
		lines = append(lines, read(client, time.Second)...)
	}
	must(client.CommitUncommittedOffsets(ctx), "commit")
	client.Close()
	show(lines)
}

func share(bootstrap, topic, group, count string) {
	first, second := member(bootstrap, topic, group), member(bootstrap, topic, group)
	admin := kadm.NewClient(open(bootstrap))
	wanted, _ := strconv.Atoi(count)
	var lines []line
	described := func() kadm.DescribedGroup {
		groups, err := admin.DescribeGroups(ctx, group)
		must(err, "describe")
		return groups[group]
	}
	spread := func(members int) bool {
		state := described()
		if state.State != "Stable" || len(state.Members) != members {
			return false
		}
		for _, one := range state.Members {
			assigned, ok := one.Assigned.AsConsumer()
			if !ok || len(assigned.Topics) != 1 || len(assigned.Topics[0].Partitions) != 4/members {
				return false
			}
		}
		return true
	}
	for len(lines) < wanted || !spread(2) {
		lines = append(lines, read(first, 100*time.Millisecond)...)
		lines = append(lines, read(second, 100*time.Millisecond)...)
	}
	must(first.CommitUncommittedOffsets(ctx), "commit")
	must(second.CommitUncommittedOffsets(ctx), "commit")
	first.Close()
	for !spread(1) {
		check(len(read(second, 100*time.Millisecond)) == 0, "a record was read twice")
	}
	second.Close()
	sort.Slice(lines, func(i, j int) bool {
		a, b := lines[i], lines[j]
		return a.partition < b.partition || (a.partition == b.partition && a.offset < b.offset)
	})
	show(lines)
}

func admin(bootstrap, topic string) {
	client := open(bootstrap)
	defer client.Close()
	a := kadm.NewClient(client)
	retention := "3600000"
	_, err := a.CreateTopic(ctx, 2, 1, map[string]*string{"retention.ms": &retention}, topic)
	must(err, "create")
	grown, err := a.CreatePartitions(ctx, 1, topic)
	must(err, "partitions")
	must(grown.Error(), "partitions")
	for {
		topics, err := a.ListTopics(ctx, topic)
		must(err, "list")
		if len(topics[topic].Partitions) == 3 {
			break
		}
	}
	for i := 0; i < 30; i++ {
		manual := &kgo.Record{Topic: topic, Key: []byte("same"), Value: []byte(strconv.Itoa(i))}
		must(client.ProduceSync(ctx, manual).FirstErr(), "produce")
	}
	ends, err := a.ListEndOffsets(ctx, topic)
	must(err, "end offsets")
	partition := int32(-1)
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset == 30 {
			partition = o.Partition
		}
	})
	check(partition >= 0, "no partition ends at 30: %v", ends)
	deleted, err := a.DeleteRecords(ctx, kadm.Offsets{topic: {partition: kadm.Offset{Topic: topic, Partition: partition, At: 10}}})
	must(err, "delete records")
	must(deleted.Error(), "delete records")
	starts, err := a.ListStartOffsets(ctx, topic)
	must(err, "start offsets")
	check(starts[topic][partition].Offset == 10, "starts at %v", starts[topic][partition])
	newest, err := a.ListMaxTimestampOffsets(ctx, topic)
	must(err, "max timestamp")
	// The first of those that share the last millisecond.
	check(newest[topic][partition].Offset >= 10 && newest[topic][partition].Offset <= 29, "newest is %v", newest[topic][partition])

	segment := "7200000"
	_, err = a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "segment.ms", Value: &segment}}, topic)
	must(err, "alter")
	configs, err := a.DescribeTopicConfigs(ctx, topic)
	must(err, "describe configs")
	for _, one := range configs[0].Configs {
		check(one.Key != "segment.ms" || one.MaybeValue() == segment, "segment.ms is %s", one.MaybeValue())
		check(one.Key != "retention.ms" || one.MaybeValue() == retention, "retention.ms is %s", one.MaybeValue())
	}

	group := topic + "-group"
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, 17, -1)
	must(a.CommitAllOffsets(ctx, group, offsets), "commit")
	lag, err := a.Lag(ctx, group)
	must(err, "lag")
	check(lag[group].Lag[topic][partition].Lag == 13, "lag %v", lag[group].Lag[topic][partition])
	listed, err := a.ListGroups(ctx)
	must(err, "groups")
	check(listed[group].State == "Empty", "listed as %v", listed[group])
	gone, err := a.DeleteGroups(ctx, group)
	must(err, "delete group")
	must(gone.Error(), "delete group")
	brokers, err := a.BrokerMetadata(ctx)
	must(err, "brokers")
	check(len(brokers.Cluster) == 22, "cluster %s", brokers.Cluster)
	producers, err := a.DescribeProducers(ctx, kadm.TopicsSet{topic: {partition: {}}})
	must(err, "describe producers")
	must(producers[topic].Partitions[partition].Err, "describe producers")
	check(len(producers[topic].Partitions[partition].ActiveProducers) == 1, "producers %v", producers)
	removed, err := a.DeleteTopics(ctx, topic)
	must(err, "delete topic")
	must(removed.Error(), "delete topic")
}

func main() {
	defer cancel()
	args := os.Args[1:]
	switch args[0] {
	case "produce":
		produce(args[1], args[2], args[3], args[4])
	case "consume":
		consume(args[1], args[2], args[3], args[4])
	case "share":
		share(args[1], args[2], args[3], args[4])
	case "admin":
		admin(args[1], args[2])
	}
}
