/** First import of all: the content security policy forbids `eval`, so zod must not try to compile its checks. */
import { config } from 'zod';

config({ jitless: true });
