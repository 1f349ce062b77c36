/** What `chancery status` may do in the database: read the columns it needs, none of which names a person. */

const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  authorities: [],
  cross_certificates: [],
  crls: [],
  revocations: [],
  revocation_versions: [],
  certificates: ['serial_number', 'authority_id', 'revoked_at', 'revocation_reason'],
  imported_certificates: ['serial_number', 'authority_id', 'revoked_at', 'revocation_reason'],
  responder_certificates: [],
};

/**
 * SQL for an owner of the database to run, as often as they like: a role that may read what relying parties are told, and nothing else.
 * @param role a plain PostgreSQL identifier
 */
export function statusGrants(role: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(role))
    throw new Error(`${role} is no plain PostgreSQL identifier: lower-case letters, digits and underscores`);
  const grants = Object.entries(COLUMNS).map(([table, columns]) => {
    const named = columns.length === 0 ? '' : ` (${columns.join(', ')})`;
    return `GRANT SELECT${named} ON ${table} TO ${role};`;
  });
  return `-- A role for chancery status: it reads what relying parties are told, and writes nothing.
-- Run it as the owner of Chancery's tables, after the authority has migrated them; give the role a password of your own.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role} LOGIN; END IF;
END $$;
ALTER ROLE ${role} SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA public TO ${role};
${grants.join('\n')}
`;
}
