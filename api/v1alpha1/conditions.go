package v1alpha1

// Condition types of an EventFlow. All but Reconciling and Stalled are always present
// and True when all is well.
const (
	// ConditionReady says whether a purchase can be made now. It stays True while
	// PostgreSQL is away, because purchases do.
	ConditionReady = "Ready"
	// ConditionReconciling is present, and True, only while the operator is working
	// towards the spec.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is present, and True, only while the operator cannot go on
	// until somebody changes the spec.
	ConditionStalled = "Stalled"
	// ConditionDatabaseReady says whether PostgreSQL serves.
	ConditionDatabaseReady = "DatabaseReady"
	// ConditionCacheReady says whether Redis, which decides who gets a seat, serves.
	ConditionCacheReady = "CacheReady"
	// ConditionBrokerReady says whether RabbitMQ serves.
	ConditionBrokerReady = "BrokerReady"
	// ConditionPurchaseReady says whether all wanted replicas of the purchase API
	// run as the spec says.
	ConditionPurchaseReady = "PurchaseReady"
	// ConditionConsumerReady says the same of the consumer.
	ConditionConsumerReady = "ConsumerReady"
	// ConditionAnalyticsReady says the same of the analytics API.
	ConditionAnalyticsReady = "AnalyticsReady"
	// ConditionAcceptingAsync says whether purchases are accepted now and confirmed
	// later (202 ACCEPTED_ASYNC), because a store is away.
	ConditionAcceptingAsync = "AcceptingAsync"
)

// Reasons of an EventFlow's conditions. Events carry the same reasons.
const (
	// ReasonSelling: the purchase API accepts purchases.
	ReasonSelling = "Selling"
	// ReasonSalePaused: the purchase API runs and refuses purchases for now.
	ReasonSalePaused = "SalePaused"
	// ReasonUnreachable: no pod of the purchase API answers.
	ReasonUnreachable = "Unreachable"
	// ReasonRunning: every wanted replica is ready and up to date.
	ReasonRunning = "Running"
	// ReasonNotReady: some wanted replica is not ready.
	ReasonNotReady = "NotReady"
	// ReasonOutage: the component is scaled to zero because an outage lease asks for it.
	ReasonOutage = "Outage"
	// ReasonConfirming: purchases are confirmed while the buyer waits.
	ReasonConfirming = "Confirming"
	// ReasonStoreAway: a store that confirms purchases is away.
	ReasonStoreAway = "StoreAway"
	// ReasonConsumerBehind: the stores serve, and the consumer has a backlog or is
	// paused.
	ReasonConsumerBehind = "ConsumerBehind"
	// ReasonNotSelling: no purchase is accepted, in either way.
	ReasonNotSelling = "NotSelling"
	// ReasonProgressing: the operator has applied the spec and waits for the cluster.
	ReasonProgressing = "Progressing"
	// ReasonRetrying: a step failed and is tried again.
	ReasonRetrying = "Retrying"
	// ReasonInvalidSpec: the spec contradicts itself in a way that no schema catches.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonNameTaken: an object of a name that the operator needs belongs to somebody else.
	ReasonNameTaken = "NameTaken"
	// ReasonInvalidLease: the outage annotation cannot be read and has no effect.
	ReasonInvalidLease = "InvalidLease"
	// ReasonApplied: the operator created, changed or restored children.
	ReasonApplied = "Applied"
	// ReasonPruned: the operator deleted children that the spec no longer asks for.
	ReasonPruned = "Pruned"
)
