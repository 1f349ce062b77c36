/** An e-mail address that would rather break before its `@` than anywhere else. */
export function Address({ of: address }: { of: string }) {
  const at = address.lastIndexOf('@');
  if (at < 0) return <span className="address">{address}</span>;
  return (
    <span className="address">
      {address.slice(0, at)}
      <wbr />
      {address.slice(at)}
    </span>
  );
}
