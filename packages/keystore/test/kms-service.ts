/** A key-management service on loopback: keys stay in it, and its operations are asked for by name over HTTP. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KeyStoreError } from '../src/errors.ts';
import { type KeySpec, type KeyStore, parseKeyReference } from '../src/key-store.ts';

export interface KmsService {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** @param keys where the service keeps its keys */
export async function startKmsService(keys: KeyStore): Promise<KmsService> {
  const server = createServer(async (request, reply) => {
    const answer = await respond(keys, String(request.headers['x-target']), await read(request)).catch(refusal);
    reply.writeHead('type' in answer ? 400 : 200).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Request = Record<string, unknown> & { EncryptionContext?: { aad: string } };

async function respond(keys: KeyStore, target: string, request: Request): Promise<object> {
  const reference = parseKeyReference(`software:${request.KeyId}`);
  switch (target) {
    case 'CreateKey': {
      const [spec, label] = [String(request.KeySpec), String(request.Description)];
      const made = spec === 'SYMMETRIC_DEFAULT' ? keys.generateKek(label) : keys.generate(spec as KeySpec, label);
      return { KeyId: idOf(await made) };
    }
    case 'Sign': {
      const signer = await keys.signer(reference);
      const [hash, padding] = [request.Hash as 'sha256', request.Padding as 'pkcs1'];
      return { Signature: text(await signer.sign(octets(request.Message), hash, padding)) };
    }
    case 'Decrypt': {
      const blob = octets(request.CiphertextBlob);
      if (request.EncryptionContext)
        return { Plaintext: text(await keys.unwrap(reference, blob, octets(request.EncryptionContext.aad))) };
      const decrypter = await keys.decrypter(reference);
      const { padding, hash, mgf1Hash, Label } = request;
      const scheme = { padding, hash, mgf1Hash, ...(Label !== undefined && { label: octets(Label) }) };
      return { Plaintext: text(await decrypter.unwrapRsa(blob, scheme as { padding: 'pkcs1' })) };
    }
    case 'DeriveSharedSecret':
      return { SharedSecret: text(await (await keys.decrypter(reference)).agree(octets(request.PublicKey))) };
    case 'Encrypt': {
      const aad = octets(request.EncryptionContext?.aad);
      return { CiphertextBlob: text(await keys.wrap(reference, octets(request.Plaintext), aad)) };
    }
    case 'GetPublicKey':
      return { PublicKey: text(await keys.publicKey(reference)) };
    case 'ScheduleKeyDeletion':
      await keys.destroy(reference);
      return {};
    case 'ListKeys': {
      const found = await keys.list();
      return {
        Keys: found.map((key) => ({
          KeyId: idOf(key.reference),
          Description: key.label,
          KeySpec: key.type,
          CreationDate: key.createdAt.toISOString(),
        })),
      };
    }
    default:
      return { type: 'ValidationException' };
  }
}

function refusal(error: unknown): { type: string } {
  if (!(error instanceof KeyStoreError)) return { type: 'ValidationException' };
  const types: Partial<Record<KeyStoreError['code'], string>> = {
    'key-not-found': 'NotFoundException',
    'wrong-key-type': 'InvalidKeyUsageException',
    'unwrap-failed': 'InvalidCiphertextException',
  };
  return { type: types[error.code] ?? 'InternalException' };
}

async function read(request: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Request;
}

const idOf = (reference: string): string => reference.slice('software:'.length);
const text = (value: Uint8Array): string => Buffer.from(value).toString('base64');
const octets = (value: unknown): Buffer => Buffer.from(String(value ?? ''), 'base64');
