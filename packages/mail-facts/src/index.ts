/** What rules of mail look at in a message: the same in the gateway that decides, the office that explains and the command line that tries. */
export { type BodyOf, leavesOf, namesIn } from './content-facts.ts';
export { beginningOctets, factsOf, identityIn, identityOf, type MessageIdentity, readFacts } from './message-facts.ts';
