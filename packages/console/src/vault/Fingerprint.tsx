/** Sixty digits in twelve groups, numbered so that two people can read them to each other. */
export function Fingerprint({ value, size = 'normal' }: { value: string; size?: 'normal' | 'large' }) {
  return (
    <ol className="fingerprint" data-size={size} aria-label="Fingerprint, twelve groups of five digits">
      {value.split(' ').map((group, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the groups stand where they stand, and two may be alike
        <li key={at}>
          <span aria-hidden="true" className="fingerprint-number">
            {at + 1}
          </span>
          <span aria-hidden="true">{group}</span>
          <span className="visually-hidden">{[...group].join(' ')}</span>
        </li>
      ))}
    </ol>
  );
}
