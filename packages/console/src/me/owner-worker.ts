import { answerOrder } from '../worker/answer-order.ts';
import { ownerActs } from './owner-acts.ts';

answerOrder(ownerActs);
