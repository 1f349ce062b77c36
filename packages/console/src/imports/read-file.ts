import { CertificateText } from '@chancery/api';
import { toBase64 } from '../files.ts';

/** What a file has in it for an import. */
export interface ReadFile {
  /** DER in base64, each once. */
  readonly certificates: readonly string[];
  /** PEM blocks that are cut off, or hold what is no base64. */
  readonly broken: number;
  /** PKCS#7 objects, which only the command line takes apart. */
  readonly pkcs7: number;
}

/** Certificates of a file of any kind: DER, a PEM bundle, the CSV or JSON of another office. Read in this browser. */
export async function readFile(file: Blob): Promise<ReadFile> {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (head[0] === 0x30 && head[1] === 0x82)
    return { certificates: [toBase64(new Uint8Array(await file.arrayBuffer()))], broken: 0, pkcs7: 0 };
  const reader = new CertificateText();
  const decoder = new TextDecoder(head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : 'utf-8');
  const certificates = new Set<string>();
  let pkcs7 = 0;
  const take = (found: ReturnType<CertificateText['end']>) => {
    for (const one of found) {
      if (one.kind === 'pkcs7') pkcs7 += 1;
      else certificates.add(one.base64);
    }
  };
  for (let at = 0; at < file.size; at += PIECE) {
    const piece = await file.slice(at, at + PIECE).arrayBuffer();
    take(reader.push(decoder.decode(piece, { stream: true })));
  }
  take(reader.end());
  return { certificates: [...certificates], broken: reader.broken, pkcs7 };
}

const PIECE = 1_048_576;

/** In groups as large as the office takes in one call. */
export function* groupsOf<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += 200) yield all.slice(at, at + 200);
}
