/** The handlers of all resources, together the whole contract. */
import { auditHandlers } from './audit.ts';
import { certificateHandlers } from './certificates.ts';
import { inspectHandlers } from './inspect.ts';
import { journalHandlers } from './journal.ts';
import { officeHandlers } from './office.ts';
import { operatorHandlers } from './operators.ts';
import { sessionHandlers } from './session.ts';

export const handlers = {
  ...officeHandlers,
  ...sessionHandlers,
  ...operatorHandlers,
  ...certificateHandlers,
  ...inspectHandlers,
  ...auditHandlers,
  ...journalHandlers,
};
