// GroupCoordinator: what can be asked of consumer groups and their offsets, as plain objects. Owner: shared words of the
// handlers and of the shard that leads the group's partition of `__consumer_offsets`; they may be two threads. Not hot.
//
// Every call but listGroups concerns one group, so a router needs only `groupId` and groupPartition(). Nobody throws:
// what went wrong is an error code in the answer. Everything survives a structured clone or msgpackr.

export interface JoinGroupCall {
  readonly groupId: string;
  /** '' for a member that has no id yet. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  /** Below zero: as the session timeout (JoinGroup 0 has no such field). */
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  /** In the member's order of preference. */
  readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[];
  /** JoinGroup 4+: a member without an id is told one and must come again with it. */
  readonly memberIdRequired: boolean;
  /** JoinGroup 9+: the leader of a group that goes on as it is can be told not to assign. */
  readonly canSkipAssignment: boolean;
}

export interface JoinGroupAnswer {
  readonly errorCode: number;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  readonly memberId: string;
  /** Empty unless this member leads. */
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly metadata: Uint8Array }[];
}

export interface SyncGroupCall {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** Null where the request does not tell (SyncGroup 0 to 4). */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}

export interface SyncGroupAnswer {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

export interface HeartbeatCall {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface HeartbeatAnswer {
  readonly errorCode: number;
}

export interface LeaveGroupCall {
  readonly groupId: string;
  /** By member id, or with member id '' by instance id. */
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[];
}

export interface LeaveGroupAnswer {
  readonly errorCode: number;
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly errorCode: number }[];
}

export interface CommitOffsetsCall {
  readonly groupId: string;
  /** -1 with member id '' and no instance: a consumer outside any group. */
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** OffsetCommit 2 to 4 may ask for a time to live of their own; -1 otherwise. */
  readonly retentionTimeMs: number;
  /** OffsetCommit 9+: an unknown group is GROUP_ID_NOT_FOUND rather than ILLEGAL_GENERATION. */
  readonly tellsGroupNotFound: boolean;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly offset: number;
      readonly leaderEpoch: number;
      readonly metadata: string | null;
    }[];
  }[];
}

/** Topics and partitions in the order asked. */
export interface PartitionErrors {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

export interface FetchOffsetsCall {
  readonly groupId: string;
  /** Null: every partition the group has committed. */
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[] | null;
  /** Answer UNSTABLE_OFFSET_COMMIT while a transaction may still change the offset. */
  readonly requireStable: boolean;
}

export interface FetchOffsetsAnswer {
  /** Of the whole group; the topics are empty when it is not NONE. */
  readonly errorCode: number;
  readonly topics: readonly {
    readonly name: string;
    /** Offset -1, leader epoch -1 and metadata '' where nothing is committed. */
    readonly partitions: readonly {
      readonly partition: number;
      readonly offset: number;
      readonly leaderEpoch: number;
      readonly metadata: string;
      readonly errorCode: number;
    }[];
  }[];
}

export interface DeleteOffsetsCall {
  readonly groupId: string;
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[];
}

export interface DeleteOffsetsAnswer extends PartitionErrors {
  /** Of the whole group; the topics are empty when it is not NONE. */
  readonly errorCode: number;
}

export interface ListGroupsCall {
  /** State names in any case; empty: all. */
  readonly states: readonly string[];
  /** Type names in any case; empty: all. */
  readonly types: readonly string[];
}

export interface ListGroupsAnswer {
  readonly errorCode: number;
  readonly groups: readonly {
    readonly groupId: string;
    readonly protocolType: string;
    readonly state: string;
    readonly type: string;
  }[];
}

export interface DescribeGroupCall {
  readonly groupId: string;
}

export interface DescribeGroupAnswer {
  /** GROUP_ID_NOT_FOUND with state Dead when there is none; requests below version 6 are told only the state. */
  readonly errorCode: number;
  readonly state: string;
  readonly protocolType: string;
  readonly protocolData: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
    readonly metadata: Uint8Array;
    readonly assignment: Uint8Array;
  }[];
}

export interface DeleteGroupCall {
  readonly groupId: string;
}

export interface DeleteGroupAnswer {
  readonly errorCode: number;
}

export interface GroupCoordinator {
  /** Answers when the rebalance is through, which can take minutes. */
  joinGroup(call: JoinGroupCall): Promise<JoinGroupAnswer>;
  /** Answers when the leader has assigned. */
  syncGroup(call: SyncGroupCall): Promise<SyncGroupAnswer>;
  heartbeat(call: HeartbeatCall): Promise<HeartbeatAnswer>;
  leaveGroup(call: LeaveGroupCall): Promise<LeaveGroupAnswer>;
  commitOffsets(call: CommitOffsetsCall): Promise<PartitionErrors>;
  fetchOffsets(call: FetchOffsetsCall): Promise<FetchOffsetsAnswer>;
  deleteOffsets(call: DeleteOffsetsCall): Promise<DeleteOffsetsAnswer>;
  /** Of the partitions led here; a router asks every shard it speaks for and puts the lists together. */
  listGroups(call: ListGroupsCall): Promise<ListGroupsAnswer>;
  describeGroup(call: DescribeGroupCall): Promise<DescribeGroupAnswer>;
  deleteGroup(call: DeleteGroupCall): Promise<DeleteGroupAnswer>;
}
