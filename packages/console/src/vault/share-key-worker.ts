import { answerOrder } from '../worker/answer-order.ts';
import { acts } from './acts.ts';

answerOrder(acts);
