/** The kinds of devices that a person may set up, in the words that they use for them. */
import { type DeviceSystem, deviceSystems, type FileFormat, type KitKind } from '@chancery/api';

export const deviceKinds = {
  apple: { name: 'iPhone, iPad or Mac', what: 'Apple Mail: scan a code, done', systems: ['apple'] },
  outlook: { name: 'Outlook on Windows', what: 'Classic or new Outlook', systems: ['windows', 'windows-old'] },
  thunderbird: { name: 'Thunderbird', what: 'On Windows, Mac or Linux', systems: ['thunderbird'] },
  android: { name: 'Android', what: 'A phone or tablet', systems: ['android', 'android-old'] },
  other: {
    name: 'Something else',
    what: 'A file for any program',
    systems: ['linux', 'gnupg', 'windows-old', 'newest'],
  },
} as const satisfies Record<string, { name: string; what: string; systems: readonly string[] }>;

export type DeviceKind = keyof typeof deviceKinds;

/** Whether everything comes in one file. */
export const hasKit = (kind: DeviceKind): kind is KitKind => kind === 'thunderbird' || kind === 'outlook';

/** Which systems there are of a kind, the usual one first. */
export function systemsOf(kind: DeviceKind): readonly [DeviceSystem, ...DeviceSystem[]] {
  const found = deviceKinds[kind].systems.flatMap((id) => deviceSystems.find((one) => one.id === id) ?? []);
  const [first, ...more] = found;
  if (first === undefined) throw new Error(`There is no system for ${kind}`);
  return [first, ...more];
}

/** A kind of device, and which system of that kind. */
export interface Device {
  kind: DeviceKind;
  /** Id of a system. */
  system: string;
}

/** Which file a device is given. */
export function formatFor({ kind, system }: Device): FileFormat {
  const systems = systemsOf(kind);
  return (systems.find(({ id }) => id === system) ?? systems[0]).format;
}

/** What this browser runs on; somebody who is asked may say otherwise. */
export function guessedDevice(userAgent: string): Device {
  const kind = guess(userAgent);
  return { kind, system: systemsOf(kind)[0].id };
}

function guess(userAgent: string): DeviceKind {
  if (/iPhone|iPad|Macintosh/.test(userAgent)) return 'apple';
  if (/Android/.test(userAgent)) return 'android';
  return /Windows/.test(userAgent) ? 'outlook' : 'thunderbird';
}
