/** The rooms under attack, by name. */
import type { Target } from '../target.ts';
import { asn1 } from './asn1.ts';
import { cms } from './cms.ts';
import { mime } from './mime.ts';
import { pkcs12 } from './pkcs12.ts';
import { x509 } from './x509.ts';

export const targets: readonly Target[] = [asn1, x509, cms, pkcs12, mime];
