/** Without what looks alike when it is read aloud or copied by hand: 32 letters and digits. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** 100 random bits as five groups of four: `k3fx-…`. ASCII, because PKCS#12 readers disagree about anything else. */
export function makePassword(random: (count: number) => Uint8Array = randomOctets): string {
  const letters = Array.from(random(20), (octet) => alphabet[octet % alphabet.length]);
  return [0, 4, 8, 12, 16].map((start) => letters.slice(start, start + 4).join('')).join('-');
}

function randomOctets(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
