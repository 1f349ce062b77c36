/** What mailauth says of each DKIM signature of a message. */

/** @param records TXT by name */
export async function dkimVerdicts(
  message: Buffer,
  records: ReadonlyMap<string, string>,
): Promise<(string | undefined)[]> {
  const { dkimVerify } = await import('mailauth/lib/dkim/verify.js');
  const resolver = async (name: string, type: string) => {
    const record = type === 'TXT' ? records.get(name) : undefined;
    if (record === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    return [[record]];
  };
  const { results } = await dkimVerify(message, { resolver });
  return results.map(({ status }) => status.result).filter((result) => result !== 'none');
}
