/** What `chancery smime … --batch` answers to one line. docs/reference/batch.md describes every field. */
import {
  cmsObjectIn,
  type DecryptInput,
  type DecryptionKey,
  decodeHeaderText,
  decryptContent,
  decryptMessage,
  type EffectiveHeader,
  inspectMessage,
  type LayerReport,
  localDecrypter,
  type ProtectedHeaders,
  type SignerReport,
  SmimeError,
  scanMessage,
  type VerifyInput,
  type VerifyReport,
  verifyMessage,
  verifyObject,
} from '@chancery/smime';
import type { BatchCase } from '../batch.ts';
import { CommandError } from '../exit-codes.ts';
import { certificatesIn, crlsIn, keysIn, type LoadedKey, readRegularFile } from '../input-files.ts';
import { largeFile } from '../message-file.ts';
import { verifyLarge } from './smime-large.ts';

/** `{"message","trust","untrusted","crls","keys","at","legacy"}` */
export async function verifyCase(input: BatchCase): Promise<object> {
  const message = input.requiredText('message');
  const at = input.instant('at');
  const crls = input.texts('crls').flatMap((file) => crlsIn(readRegularFile(file), file));
  const judgement = {
    anchors: certificatesOf(input, 'trust'),
    intermediates: certificatesOf(input, 'untrusted'),
    crls,
    keys: await keysOf(input),
    ...(at && { at }),
    revocation: crls.length > 0 ? 'leaf-required' : 'if-present',
    legacy: input.flag('legacy'),
  } as const;
  const large = largeFile(message);
  const report = large
    ? await verifyLarge(large, message, judgement)
    : await verifyAny(readRegularFile(message), message, judgement);
  return reportForScripts(report);
}

/** `{"message","keys","legacy"}` */
export async function decryptCase(input: BatchCase): Promise<object> {
  const message = input.requiredText('message');
  const bytes = readRegularFile(message);
  const opening = { keys: await keysOf(input), legacy: input.flag('legacy') };
  try {
    return openedForScripts(await decryptAny(bytes, message, opening));
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    return { decrypted: false, code: error.code, problem: sentence(error.message) };
  }
}

/** `{"message","trust","keys","at","legacy"}` */
export async function inspectCase(input: BatchCase): Promise<object> {
  const at = input.instant('at');
  const tree = await inspectMessage({
    message: readRegularFile(input.requiredText('message')),
    anchors: certificatesOf(input, 'trust'),
    keys: await keysOf(input),
    legacy: input.flag('legacy'),
    ...(at && { at }),
  });
  return { tree };
}

/** @param name of the file, for the error. Throws `CommandError` for what is neither a message nor CMS. */
export async function verifyAny(
  bytes: Uint8Array,
  name: string,
  input: Omit<VerifyInput, 'message'>,
): Promise<VerifyReport> {
  const der = objectIn(bytes, name);
  if (der === undefined) return verifyMessage({ ...input, message: bytes });
  const report = await verifyObject({ ...input, der });
  const [unknown] = report.layers.length === 0 ? report.problems : [];
  if (unknown) throw new CommandError(`${name}: ${unknown.message}`);
  return report;
}

/** Throws `SmimeError` for a message that does not open, and `CommandError` for what is neither a message nor CMS. */
export async function decryptAny(
  bytes: Uint8Array,
  name: string,
  opening: Omit<DecryptInput, 'message'>,
): Promise<Opened> {
  const der = objectIn(bytes, name);
  if (der === undefined) {
    const { message, ...opened } = await decryptMessage({ ...opening, message: bytes });
    return { ...opened, whole: message };
  }
  const opened = await decryptContent({ ...opening, der });
  return { ...opened, whole: opened.content };
}

interface Opened {
  /** What was encrypted, as it is. */
  readonly content: Uint8Array;
  /** A message with it in place of the ciphertext; for an object, the content. */
  readonly whole: Uint8Array;
  readonly authenticated: boolean;
  readonly cipher: string;
  readonly recipients: readonly string[];
  /** What became of the header of a message, where its composer protected it. */
  readonly header?: EffectiveHeader;
}

export const openedForScripts = ({ authenticated, cipher, recipients, header, content }: Opened): object => ({
  decrypted: true,
  authenticated,
  cipher,
  recipients,
  ...(header && { header }),
  content: base64(content),
});

function objectIn(bytes: Uint8Array, name: string): Uint8Array | undefined {
  try {
    const der = cmsObjectIn(bytes);
    if (der !== undefined) return der;
  } catch (error) {
    if (error instanceof SmimeError) throw new CommandError(`${name}: ${error.message}.`);
    throw error;
  }
  if (scanMessage(bytes).headers.length === 0)
    throw new CommandError(`${name} is no message (no line of it is a header field), and no CMS object.`);
  return undefined;
}

const certificatesOf = (input: BatchCase, field: string) =>
  input.texts(field).flatMap((file) => certificatesIn(readRegularFile(file), file));

async function keysOf(input: BatchCase): Promise<DecryptionKey[]> {
  const keys: LoadedKey[] = [];
  for (const key of input.cases('keys')) {
    const path = key.requiredText('path');
    keys.push(...(await keysIn(readRegularFile(path), path, key.text('password') ?? '')));
  }
  return decryptionKeys(keys);
}

/** Those of the keys that can decrypt: a PKCS#12 file often holds one that only signs. */
export function decryptionKeys(keys: readonly LoadedKey[]): DecryptionKey[] {
  return keys.flatMap(({ privateKey, certificate }) => {
    try {
      return [{ decrypter: localDecrypter(privateKey), ...(certificate && { certificate }) }];
    } catch (error) {
      if (error instanceof SmimeError) return [];
      throw error;
    }
  });
}

/** The report as JSON: objects stand in base64, and a path's problems among those of its signer. */
export function reportForScripts(report: VerifyReport): object {
  const { verdict, layers, signers, from, covers, protectedHeaders, problems } = report;
  return {
    verdict,
    layers: layers.map(layerForScripts),
    signers: signers.map(signerForScripts),
    from,
    covers,
    ...(protectedHeaders && { protectedHeaders: headersForScripts(protectedHeaders) }),
    problems,
  };
}

const layerForScripts = (layer: LayerReport): object =>
  'signers' in layer ? { ...layer, signers: layer.signers.map(signerForScripts) } : layer;

const signerForScripts = (signer: SignerReport): object => ({
  signature: signer.signature,
  path: signer.path.valid ? 'valid' : 'invalid',
  revocation: signer.path.revocation,
  identity: signer.identity,
  certificate: signer.certificate === undefined ? null : base64(signer.certificate.der),
  emails: signer.emails,
  signingTime: signer.signingTime ?? null,
  digestAlgorithm: signer.digestAlgorithm,
  signatureAlgorithm: signer.signatureAlgorithm,
  problems: [...signer.problems, ...signer.path.problems],
});

const headersForScripts = ({ fields, outer, ...rest }: ProtectedHeaders): object => ({
  ...rest,
  fields: fields.map((field) => ({ ...field, value: decodeHeaderText(field.value) })),
  ...(outer && { outer: outer.map((field) => ({ ...field, value: decodeHeaderText(field.value) })) }),
});

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
