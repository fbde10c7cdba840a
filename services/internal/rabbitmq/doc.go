// Package rabbitmq is the queue between the purchase pods and the consumer: a publisher
// that says yes only when the broker has confirmed, and consumer sessions whose deliveries cannot
// outlive them. Both look after their own connections, since the client library's recovery
// acknowledges old deliveries on new channels. It must not know Redis, PostgreSQL or HTTP.
package rabbitmq
