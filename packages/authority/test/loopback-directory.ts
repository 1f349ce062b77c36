/**
 * A directory in this process that speaks LDAP (RFC 4511) on loopback: as much of it as whoever publishes needs, and strict about that.
 * What stands in it can be looked at and changed beside the protocol, as others do who write to a directory too.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BerReader, BerWriter } from 'ldapts';

/** Values by attribute, in small letters. */
export type DirectoryEntry = Map<string, Buffer[]>;

/** RFC 4511 section 4.1.9. */
const CODES = {
  success: 0,
  protocolError: 2,
  sizeLimitExceeded: 4,
  adminLimitExceeded: 11,
  noSuchAttribute: 16,
  attributeOrValueExists: 20,
  noSuchObject: 32,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
} as const;

export class LoopbackDirectory {
  /** By distinguished name. */
  readonly entries = new Map<string, DirectoryEntry>();
  /** Changes that were asked for and made. */
  changes = 0;
  /** Called before each change: what another hand does just then. */
  beforeChange: () => void = () => {};
  /** Values that an attribute may hold. */
  mostValues = Number.POSITIVE_INFINITY;
  readonly #password: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(password: string) {
    this.#password = password;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async open(password: string): Promise<LoopbackDirectory> {
    const directory = new LoopbackDirectory(password);
    directory.#server.listen(0, '127.0.0.1');
    await once(directory.#server, 'listening');
    return directory;
  }

  get url(): string {
    return `ldap://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Somebody's entry, with an `entryUUID` and an `objectGUID` of its own. */
  add(dn: string, attributes: Readonly<Record<string, readonly (string | Buffer)[]>>): DirectoryEntry {
    const id = randomUUID();
    const all = { entryUUID: [id], objectGUID: [Buffer.from(id.replaceAll('-', ''), 'hex')], ...attributes };
    const entry = new Map(
      Object.entries(all).map(([name, values]) => [name.toLowerCase(), values.map((value) => Buffer.from(value))]),
    );
    this.entries.set(dn, entry);
    return entry;
  }

  /** Of an attribute there, in the order in which they were added. */
  values(dn: string, attribute: string): Buffer[] {
    return this.entries.get(dn)?.get(attribute.toLowerCase()) ?? [];
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const session = { mayWrite: false };
    let waiting = Buffer.alloc(0);
    socket.on('data', (data) => {
      waiting = Buffer.concat([waiting, data]);
      for (let size = messageSize(waiting); size !== undefined && size <= waiting.length; size = messageSize(waiting)) {
        const answer = this.#answer(new BerReader(waiting.subarray(0, size)), session);
        waiting = waiting.subarray(size);
        if (answer === undefined) socket.end();
        else socket.write(answer);
      }
    });
  }

  /** Undefined where the client takes its leave. */
  #answer(message: BerReader, session: { mayWrite: boolean }): Buffer | undefined {
    message.readSequence();
    const id = message.readInt() ?? 0;
    const operation = message.readSequence() ?? 0;
    switch (operation) {
      case OPERATIONS.bind: {
        message.readInt();
        message.readString();
        session.mayWrite = message.readString(0x80) === this.#password;
        return result(id, operation + 1, session.mayWrite ? 'success' : 'invalidCredentials');
      }
      case OPERATIONS.unbind:
        return undefined;
      case OPERATIONS.search:
        return this.#search(id, message);
      case OPERATIONS.modify:
        this.beforeChange();
        return result(id, operation + 1, session.mayWrite ? this.#modify(message) : 'insufficientAccessRights');
      default:
        return result(id, operation + 1, 'protocolError');
    }
  }

  #search(id: number, request: BerReader): Buffer {
    const base = (request.readString() ?? '').toLowerCase();
    const scope = request.readEnumeration();
    request.readEnumeration();
    const limit = request.readInt() ?? 0;
    request.readInt();
    request.readBoolean();
    const matches = readFilter(request);
    // Answered in the spelling of whoever asks.
    const wanted = new Map<string, string>();
    for (const end = endOf(request); request.offset < end; ) {
      const name = request.readString() ?? '';
      wanted.set(name.toLowerCase(), name);
    }
    const within = (dn: string) =>
      scope === 0 ? dn.toLowerCase() === base : dn.toLowerCase().endsWith(base) && scope === 2;
    const found = [...this.entries].filter(([dn, entry]) => within(dn) && matches(entry));
    const isCut = limit > 0 && found.length > limit;
    const answers = (isCut ? found.slice(0, limit) : found).map(([dn, entry]) => entryMessage(id, dn, entry, wanted));
    return Buffer.concat([...answers, result(id, OPERATIONS.search + 2, isCut ? 'sizeLimitExceeded' : 'success')]);
  }

  /** Whole or not at all (section 4.6). */
  #modify(request: BerReader): keyof typeof CODES {
    const dn = request.readString() ?? '';
    const entry = this.entries.get(dn);
    if (entry === undefined) return 'noSuchObject';
    const changed: DirectoryEntry = new Map(entry);
    for (const end = endOf(request); request.offset < end; ) {
      request.readSequence();
      const operation = request.readEnumeration();
      request.readSequence();
      const attribute = (request.readString() ?? '').toLowerCase();
      const values: Buffer[] = [];
      for (const end = endOf(request); request.offset < end; )
        values.push(request.readString(0x04, true) ?? Buffer.alloc(0));
      const before = changed.get(attribute) ?? [];
      const stands = (value: Buffer) => before.some((one) => one.equals(value));
      if (operation === 0) {
        if (values.some(stands)) return 'attributeOrValueExists';
        changed.set(attribute, [...before, ...values]);
      } else if (operation === 1) {
        if (!values.every(stands)) return 'noSuchAttribute';
        const left = before.filter((one) => !values.some((value) => value.equals(one)));
        changed.set(attribute, values.length === 0 ? [] : left);
      } else return 'protocolError';
    }
    if ([...changed.values()].some(({ length }) => length > this.mostValues)) return 'adminLimitExceeded';
    this.entries.set(dn, changed);
    this.changes += 1;
    return 'success';
  }
}

/** Tags of requests; their answers follow them. */
const OPERATIONS = { bind: 0x60, unbind: 0x42, search: 0x63, modify: 0x66 } as const;

/** Octets of the message at the beginning; undefined where its length has not come whole. */
function messageSize(octets: Buffer): number | undefined {
  const first = octets[1];
  if (first === undefined) return undefined;
  if (first < 0x80) return 2 + first;
  const width = first & 0x7f;
  return octets.length < 2 + width ? undefined : 2 + width + octets.readUIntBE(2, width);
}

/** Where what begins there ends; the reader is then within. */
function endOf(reader: BerReader): number {
  reader.readSequence();
  return reader.offset + reader.length;
}

type Matcher = (entry: DirectoryEntry) => boolean;

/** Section 4.5.1.7: and, or, equality, presence. */
function readFilter(reader: BerReader): Matcher {
  const kind = reader.peek() ?? 0;
  if (kind === 0x87) {
    const attribute = (reader.readString(0x87) ?? '').toLowerCase();
    return (entry) => attribute === 'objectclass' || (entry.get(attribute)?.length ?? 0) > 0;
  }
  const end = endOf(reader);
  if (kind === 0xa3) {
    const attribute = (reader.readString() ?? '').toLowerCase();
    const value = reader.readString(0x04, true) ?? Buffer.alloc(0);
    const isSame = (one: Buffer) =>
      one.equals(value) || one.toString().toLowerCase() === value.toString().toLowerCase();
    return (entry) => (entry.get(attribute) ?? []).some(isSame);
  }
  if (kind !== 0xa0 && kind !== 0xa1) throw new Error(`A filter of kind ${kind.toString(16)}`);
  const parts: Matcher[] = [];
  while (reader.offset < end) parts.push(readFilter(reader));
  return (entry) => (kind === 0xa0 ? parts.every((part) => part(entry)) : parts.some((part) => part(entry)));
}

function entryMessage(id: number, dn: string, entry: DirectoryEntry, wanted: ReadonlyMap<string, string>): Buffer {
  return written(id, 0x64, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of entry) {
      const asked = wanted.get(name);
      if (asked === undefined || values.length === 0) continue;
      writer.startSequence();
      writer.writeString(asked);
      writer.startSequence(0x31);
      for (const value of values) writer.writeBuffer(value, 0x04);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}

function result(id: number, tag: number, code: keyof typeof CODES): Buffer {
  return written(id, tag, (writer) => {
    writer.writeEnumeration(CODES[code]);
    writer.writeString('');
    writer.writeString(code === 'success' ? '' : code);
  });
}

function written(id: number, tag: number, write: (writer: BerWriter) => void): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(tag);
  write(writer);
  writer.endSequence();
  writer.endSequence();
  return writer.buffer;
}
