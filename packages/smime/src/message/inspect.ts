/** Takes a message or an object apart, layer by layer, for a person to look at. */
import { asBuffer, DerReader, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { pemBlocks } from '../asn1/pem.ts';
import { readAuthEnvelopedData } from '../cms/auth-enveloped-data.ts';
import { contentAtHand } from '../cms/check-signer.ts';
import { readCompressedData } from '../cms/compressed-data.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { decryptContent, describeRecipient } from '../cms/decrypt-content.ts';
import { readDigestedData } from '../cms/digested-data.ts';
import { readEnvelopedData } from '../cms/enveloped-data.ts';
import type { OpeningKey } from '../cms/match-recipients.ts';
import { readSignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { withEntity } from '../mime/canonical.ts';
import { decodeBody, headerValue, type MimeEntity } from '../mime/entity.ts';
import { fileName } from '../mime/file-name.ts';
import { decodeHeaderText } from '../mime/header-text.ts';
import { scanMessage } from '../mime/scan.ts';
import { type Problem, problem } from '../problem.ts';
import type { Certificate } from '../x509/certificate.ts';
import { describeProtectedHeaders } from './inspect-headers.ts';
import {
  describeCertificate,
  describeCrl,
  describeDigestedData,
  describeRequest,
  describeSignedData,
  type Field,
  field,
  type InspectNode,
  named,
  optional,
} from './inspect-objects.ts';
import { type SignerReport, signerJudge } from './judge-signers.ts';
import { isObjectType, isSignatureType, layerOf } from './layer.ts';
import { isPem } from './object.ts';
import type { ProtectedHeaders } from './protected-headers.ts';
import { type VerifyReport, verifyScanned } from './verify.ts';

/** A message or an object to take apart, with what is needed to open and judge it. */
export interface InspectInput {
  /** A message, or a certificate, CRL, request or CMS object in DER or PEM. */
  readonly message: Uint8Array;
  readonly anchors?: readonly Certificate[];
  /** Opens the encrypted layers they fit. */
  readonly keys?: readonly OpeningKey[];
  /** Open what is encrypted with Triple DES, DES or RC2 too, and take weak signatures for warnings; default false. */
  readonly legacy?: boolean;
  /** UTC; default: now. */
  readonly at?: Date;
}

/** Takes a message or an object apart, layer by layer. Never throws for what is wrong with it: that stands in the tree. */
export async function inspectMessage(input: InspectInput): Promise<InspectNode> {
  const bytes = asBuffer(input.message);
  if (!isPem(bytes)) return bytes[0] === tag.sequence ? inspectObject(bytes, input, 0) : inspectWhole(bytes, input, 0);
  try {
    const nodes = await Promise.all(pemBlocks(bytes.toString('latin1')).map(({ der }) => inspectObject(der, input, 0)));
    const [first] = nodes;
    if (nodes.length === 1 && first) return first;
    return { kind: 'mime', title: `PEM text with ${nodes.length} objects`, fields: [], problems: [], children: nodes };
  } catch (error) {
    return unreadable('PEM text', error);
  }
}

/** A whole message: its structure, and the verdict on it. */
async function inspectWhole(bytes: Buffer, input: InspectInput, layer: number): Promise<InspectNode> {
  const root = scanMessage(bytes);
  const report = await verifyScanned(bytes, root, {
    anchors: input.anchors ?? [],
    ...(input.at && { at: input.at }),
    legacy: input.legacy ?? false,
  });
  const node = await inspectEntity(bytes, root, { input, layer, root: true, signers: report.signers });
  const { protectedHeaders, conflicts } = layer === 0 ? await readHeader(bytes, root, report, input) : nothingProtected;
  const subject =
    protectedHeaders?.fields.find(({ name }) => name === 'subject')?.value ?? headerValue(root, 'subject');
  node.title = decodeHeaderText(subject ?? '') || node.title;
  node.fields.unshift(
    ...['from', 'to', 'cc', 'date', 'message-id'].flatMap((name) =>
      optional(labels[name] ?? name, decodeHeaderText(headerValue(root, name) ?? '')),
    ),
    ...(protectedHeaders ? describeProtectedHeaders(protectedHeaders) : []),
  );
  node.verdict = report.verdict;
  const known = new Set(node.problems.map(({ code }) => code));
  node.problems.push(...[...report.problems, ...conflicts].filter(({ code }) => !known.has(code)));
  return node;
}

/** The protected header, also where it lies within encryption that a key opens; and where the delivered one contradicts it. */
async function readHeader(
  message: Buffer,
  root: MimeEntity,
  report: VerifyReport,
  { anchors = [], keys = [], at, legacy = false }: InspectInput,
): Promise<{ readonly protectedHeaders?: ProtectedHeaders | undefined; readonly conflicts: readonly Problem[] }> {
  if (keys.length === 0 || !isObjectType(root)) return { protectedHeaders: report.protectedHeaders, conflicts: [] };
  const { protectedHeaders, problems } = await verifyScanned(message, root, {
    anchors,
    keys,
    legacy,
    ...(at && { at }),
  });
  return { protectedHeaders, conflicts: problems.filter(({ code }) => code.startsWith('outer-')) };
}

const nothingProtected = { protectedHeaders: undefined, conflicts: [] };

const labels: Readonly<Record<string, string>> = {
  from: 'From',
  to: 'To',
  cc: 'Cc',
  date: 'Date',
  'message-id': 'Message-ID',
};

interface Walk {
  readonly input: InspectInput;
  /** How many cryptographic layers lie outside. */
  readonly layer: number;
  /** The entity is a message's own: only there is a ciphertext opened. */
  readonly root: boolean;
  /** Reports on the signature that the verdict is about. */
  readonly signers: readonly SignerReport[];
}

async function inspectEntity(bytes: Buffer, entity: MimeEntity, walk: Walk): Promise<InspectNode> {
  const { type } = entity.contentType;
  const node: InspectNode = {
    kind: 'mime',
    title: type,
    ...(walk.layer === 0 && { range: [entity.start, entity.end] as [number, number] }),
    fields: [
      field('Content-Type', type),
      field('Encoding', entity.transferEncoding),
      field('Size', `${entity.end - entity.bodyStart} octets`),
      ...optional('Disposition', decodeHeaderText(headerValue(entity, 'content-disposition') ?? '')),
      ...optional('File name', fileName(entity)),
    ],
    problems: [...entity.ambiguities],
    children: [],
  };
  const found = layerOf(bytes, entity);
  if ('der' in found) {
    node.children.push(await inspectObject(found.der, walk.input, walk.layer, { bytes, entity, walk }));
    return node;
  }
  const within: Walk = walk.root ? { ...walk, root: false } : walk;
  for (const part of entity.parts) {
    if (found.kind === 'clear-signed' && isSignatureType(part.contentType.type))
      node.children.push(await inspectObject(decodeBody(bytes, part), walk.input, walk.layer, { bytes, entity, walk }));
    else node.children.push(await inspectEntity(bytes, part, within));
  }
  return node;
}

interface Place {
  readonly bytes: Buffer;
  readonly entity: MimeEntity;
  readonly walk: Walk;
}

/** A DER or BER object: CMS by its content type, else whichever X.509 structure it turns out to be. */
async function inspectObject(der: Uint8Array, input: InspectInput, layer: number, place?: Place): Promise<InspectNode> {
  if (layer >= limits.layers) {
    return unreadable(
      'CMS object',
      new SmimeError('limit-exceeded', `more than ${limits.layers} layers lie around it`),
    );
  }
  try {
    const inner = new DerReader(asBuffer(der));
    const first = inner.peek() === tag.sequence && der[1] !== 0x80 ? inner.enter().peek() : tag.oid;
    if (first !== tag.oid) return inspectX509(der);
    const { contentType, content } = readContentInfo(der);
    switch (contentType) {
      case oids.signedData:
        return await inspectSigned(content, input, layer, place);
      case oids.envelopedData:
      case oids.authEnvelopedData:
        return await inspectEncrypted(der, content, contentType, input, layer, place);
      case oids.compressedData: {
        const { content: expanded } = readCompressedData(content);
        return {
          kind: 'compressed-data',
          title: 'Compressed data',
          fields: [field('Expands to', `${expanded.length} octets`)],
          problems: [],
          children: [
            await inspectEntity(expanded, scanMessage(expanded), { input, layer: layer + 1, root: false, signers: [] }),
          ],
        };
      }
      case oids.digestedData:
        return describeDigestedData(readDigestedData(content));
      default:
        return {
          kind: 'mime',
          title: `CMS object of type ${named(contentType)}`,
          fields: [field('Content type', named(contentType))],
          problems: [],
          children: [],
        };
    }
  } catch (error) {
    return unreadable('CMS object', error);
  }
}

function inspectX509(der: Uint8Array): InspectNode {
  let reason: unknown;
  for (const describe of [describeCertificate, describeRequest, describeCrl]) {
    try {
      return describe(der);
    } catch (error) {
      if (!(error instanceof SmimeError)) throw error;
      reason ??= error;
    }
  }
  return unreadable('DER object', reason);
}

async function inspectSigned(
  content: DerReader,
  input: InspectInput,
  layer: number,
  place: Place | undefined,
): Promise<InspectNode> {
  const data = readSignedData(content);
  const problems: Problem[] = [];
  const judge = signerJudge(
    data,
    { anchors: input.anchors ?? [], ...(input.at && { at: input.at }), legacy: input.legacy ?? false },
    { addresses: [], sender: undefined, micalg: undefined },
    problems,
  );
  // The signature of the message itself was judged with its From; one elsewhere is judged by itself, where it has its content.
  const ofMessage = place?.walk.root === true && place.walk.signers.length > 0;
  const reports = ofMessage
    ? place.walk.signers
    : data.content
      ? judge(contentAtHand(data.contentType, data.content))
      : [];
  const node = describeSignedData(data, reports);
  node.problems.push(...problems);
  if (data.content && data.content.length > 0 && data.contentType === oids.data) {
    node.children.unshift(
      await inspectEntity(data.content, scanMessage(data.content), {
        input,
        layer: layer + 1,
        root: false,
        signers: [],
      }),
    );
  }
  return node;
}

async function inspectEncrypted(
  der: Uint8Array,
  content: DerReader,
  contentType: string,
  input: InspectInput,
  layer: number,
  place: Place | undefined,
): Promise<InspectNode> {
  const authenticated = contentType === oids.authEnvelopedData;
  const envelope = authenticated ? readAuthEnvelopedData(content) : readEnvelopedData(content);
  const shown: Field[] = envelope.recipients
    .slice(0, 50)
    .map((recipient, index) => field(`Recipient ${index + 1}`, describeRecipient(recipient)));
  const node: InspectNode = {
    kind: authenticated ? 'auth-enveloped-data' : 'enveloped-data',
    title: `Encrypted data, ${envelope.recipients.length} recipient${envelope.recipients.length === 1 ? '' : 's'}`,
    fields: [
      field('Cipher', envelope.content.cipher),
      field('Authenticated', authenticated ? 'yes' : 'no'),
      field('Ciphertext', `${envelope.content.octets.length} octets`),
      ...shown,
    ],
    problems: [],
    children: [],
  };
  if (!authenticated)
    node.problems.push(
      problem(
        'info',
        'unauthenticated-cipher',
        'The cipher does not show whether the ciphertext was altered; only a signature inside can.',
        'RFC 8551 section 6',
      ),
    );
  if (!input.keys || input.keys.length === 0) return node;
  if (place && !place.walk.root) {
    node.problems.push(
      problem(
        'warning',
        'nested-ciphertext-not-opened',
        'A ciphertext among other parts is not opened, lest its text reach whoever put it there.',
        'RFC 8551 section 6',
      ),
    );
    return node;
  }
  try {
    const opened = await decryptContent({ der, keys: input.keys, legacy: input.legacy ?? false });
    const inner = place ? withEntity(place.bytes, place.entity, opened.content) : asBuffer(opened.content);
    node.children.push(await inspectWhole(inner, input, layer + 1));
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    node.problems.push(problem('warning', error.code, `It stays closed: ${error.message}.`));
  }
  return node;
}

function unreadable(what: string, error: unknown): InspectNode {
  if (!(error instanceof SmimeError)) throw error;
  const at = error.offset === undefined ? '' : ` (octet ${error.offset})`;
  return {
    kind: 'mime',
    title: `${what} that cannot be read`,
    fields: [],
    problems: [problem('error', error.code, `${error.message}${at}`)],
    children: [],
  };
}
