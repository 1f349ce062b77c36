/** What is timed: one row of the table is one task, and every contender is given the same line of text for it. */

export const keyNames = ['rsa2048', 'rsa3072', 'p256', 'ed25519'] as const;
export type KeyName = (typeof keyNames)[number];

const operations = {
  sign: 'CMS sign, detached',
  verify: 'CMS verify, without chain',
  'verify-chain': 'CMS verify with chain of 3',
  encrypt: 'CMS encrypt',
  decrypt: 'CMS decrypt',
  'mail-sign': 'message sign, multipart/signed',
  'mail-verify': 'message verify with chain of 3',
  'mail-encrypt': 'message encrypt',
  'mail-decrypt': 'message decrypt',
  certificate: 'certificate decoded',
  'certificate-key': 'certificate decoded, key loaded',
  path: 'path of 3 decoded and validated',
  crl: 'CRL of 100,000 decoded, one look-up',
  'crl-lookup': 'look-up in a decoded CRL of 100,000',
} as const;
type OperationName = keyof typeof operations;

export interface Task {
  readonly operation: OperationName;
  readonly key: KeyName;
  readonly cipher: 'gcm' | 'cbc' | 'none';
  readonly recipients: number;
  /** Octets of content; 0 where there is none. */
  readonly octets: number;
}

export const sizes = { '10 KB': 10_240, '1 MB': 1_048_576, '100 MB': 104_857_600 } as const;
export type SizeName = keyof typeof sizes;

/** One line, as the contenders read it. */
export const taskLine = ({ operation, key, cipher, recipients, octets }: Task): string =>
  `${operation} ${key} ${cipher} ${recipients} ${octets}`;

export function parseTask(line: string): Task {
  const [operation, key, cipher, recipients, octets] = line.split(' ');
  return { operation, key, cipher, recipients: Number(recipients), octets: Number(octets) } as Task;
}

/** For a person. */
export function taskName({ operation, key, cipher, recipients, octets }: Task): string {
  const size = Object.entries(sizes).find(([, value]) => value === octets)?.[0];
  const keyed = operation.startsWith('crl') || operation === 'path' ? undefined : keyLabels[key];
  const to = operation.endsWith('encrypt') ? `to ${recipients}` : undefined;
  const sealed = cipher === 'none' ? undefined : `AES-256-${cipher.toUpperCase()}`;
  return [operations[operation], keyed, sealed, to, size].filter((part) => part !== undefined).join(', ');
}

const keyLabels: Readonly<Record<KeyName, string>> = {
  rsa2048: 'RSA-2048',
  rsa3072: 'RSA-3072',
  p256: 'P-256',
  ed25519: 'Ed25519',
};

/** Every row, in the order of the table. `quick` keeps 10 KB, and of each operation the usual keys. */
export function tasksFor(wanted: { readonly sizes: readonly SizeName[]; readonly quick: boolean }): Task[] {
  const signing: readonly KeyName[] = wanted.quick ? ['rsa2048', 'p256'] : keyNames;
  const sealing: readonly KeyName[] = wanted.quick ? ['rsa2048', 'p256'] : ['rsa2048', 'rsa3072', 'p256'];
  const tasks: Task[] = [];
  for (const size of wanted.sizes) {
    const octets = sizes[size];
    // At 100 MB the key no longer shows: one is enough.
    const big = size === '100 MB';
    const add = (operation: OperationName, key: KeyName, cipher: Task['cipher'] = 'none', recipients = 1): void => {
      tasks.push({ operation, key, cipher, recipients, octets });
    };
    for (const operation of ['sign', 'verify', 'verify-chain'] as const)
      for (const key of big ? (['rsa2048'] as const) : signing) add(operation, key);
    for (const cipher of ['gcm', 'cbc'] as const) {
      const keys = big ? (['rsa2048'] as const) : sealing;
      for (const key of keys) for (const recipients of big ? [1] : [1, 10]) add('encrypt', key, cipher, recipients);
      for (const key of keys) add('decrypt', key, cipher);
    }
    add('mail-sign', 'rsa2048');
    add('mail-verify', 'rsa2048');
    for (const cipher of ['gcm', 'cbc'] as const) {
      add('mail-encrypt', 'rsa2048', cipher);
      add('mail-decrypt', 'rsa2048', cipher);
    }
  }
  for (const operation of ['certificate', 'certificate-key'] as const)
    for (const key of signing) tasks.push({ operation, key, cipher: 'none', recipients: 1, octets: 0 });
  for (const operation of ['path', 'crl', 'crl-lookup'] as const)
    tasks.push({ operation, key: 'rsa2048', cipher: 'none', recipients: 1, octets: 0 });
  return tasks;
}
