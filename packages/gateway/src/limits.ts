/** Budgets, each with its reason. */

/** Octets of messages being received or waiting for their turn at once: more, and the process would be killed with all of them. */
export const inFlightOctets = 256 * 1024 * 1024;
/** Octets of messages that are signed, encrypted, verified or delivered at once: each takes several times its size meanwhile. */
export const atWorkOctets = 64 * 1024 * 1024;
/** Octets above which a message is worked on in files: below, memory for several copies of it is cheaper than the disk. */
export const largeOctets = 8 * 1024 * 1024;
/** Octets of memory that a message in files may take while it is worked on: pieces of it, and the text that rules look at. */
export const largeAtWorkOctets = 16 * 1024 * 1024;
/** Octets of text parts, as they are encoded, that are read of a message in files: more than rules and judgements look at. */
export const textRead = 16 * 1024 * 1024;
/** RFC 5321 6.3 asks for a large threshold, at least 100. */
export const receivedFields = 100;
/** Octets of header fields: what a parser in the next hop can be expected to read. */
export const headerOctets = 1024 * 1024;
/** Octets that the encrypted copies for hidden recipients may take in the spool, for one message. */
export const hiddenCopiesOctets = 1024 * 1024 * 1024;
/** Deliveries at once one way: what Postfix allows itself to one destination. */
export const deliveriesAtOnce = 20;
/** Milliseconds that an unconfirmed message is remembered, so that its repetition is known as one: clients retry for days, most within hours. */
export const repetitionWindow = 24 * 60 * 60 * 1000;
/** Octets of accepted messages that are still in memory when their delivery begins: those of the last moment, of many senders at once. */
export const freshOctets = 32 * 1024 * 1024;
/** Milliseconds that a delivered message stays whole on disk while its client has not shown that it knows: most do at once. */
export const wholeUnconfirmed = 10_000;
