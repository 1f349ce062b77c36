/** Who a certificate is for, and whether the one who asks may ask for it. */
import { AuthorityError } from '../errors.ts';
import { type Principal, permissionsOf } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { type EndEntity, organisationName } from '../store/intents.ts';
import { operatorById } from '../store/operators.ts';
import { type Holder, personAsHolder } from './name-holder.ts';
import type { PrepareInput } from './prepare-input.ts';

interface Asked {
  readonly tx: Transaction;
  readonly by: Principal;
  readonly people: ReadonlyMap<string, EndEntity>;
}

/** Who the certificate is for, as the directory has it, once `by` may ask for it. */
export async function holderOf({ tx, by, people }: Asked, input: PrepareInput): Promise<Holder> {
  const refused = () =>
    new AuthorityError('forbidden', `${by.name} may not ask for this certificate. Nothing was issued.`);
  const privileged = by.kind === 'system' || permissionsOf(by).has('certificate:issue');
  switch (input.use) {
    case 'ocsp':
    case 'scep-ra':
    case 'seal':
      if (by.kind !== 'system' && !(input.use === 'scep-ra' && permissionsOf(by).has('authority:write')))
        throw refused();
      return { who: 'The office', values: { organisation: await organisationName(tx) }, addresses: [] };
    case 'gateway':
      if (!privileged && !(by.kind === 'gateway' && by.id === input.gatewayId)) throw refused();
      return {
        who: `The gateway ${input.name}`,
        values: { organisation: await organisationName(tx), id: input.gatewayId, name: input.name },
        addresses: [],
      };
    case 'partner':
      if (by.kind !== 'system') throw refused();
      return {
        who: input.name,
        values: { organisation: await organisationName(tx), id: input.partnerId, name: input.name },
        addresses: input.addresses,
      };
    case 'admin':
      if (by.kind !== 'system' && !permissionsOf(by).has('operator:write')) throw refused();
      return operatorAsHolder(tx, input.operatorId);
    default: {
      const person = people.get(input.personId);
      if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was issued.');
      const own = by.kind === 'person' && by.id === input.personId;
      const served = by.kind === 'gateway' && input.use === 'signing' && person.signingKey === 'gateway';
      if (!privileged && !own && !served) throw refused();
      if (person.state === 'active') return personAsHolder(person);
      throw new AuthorityError(
        'wrong-state',
        `${person.name} ${person.state === 'suspended' ? 'is suspended' : 'has left'}. Nothing was issued, and keys in escrow are untouched.`,
      );
    }
  }
}

async function operatorAsHolder(tx: Transaction, id: string): Promise<Holder> {
  const operator = await operatorById(tx, id);
  if (operator === undefined) throw new AuthorityError('not-found', 'There is no such operator. Nothing was issued.');
  if (operator.state !== 'active')
    throw new AuthorityError('wrong-state', `${operator.name} is no operator in office. Nothing was issued.`);
  return {
    who: operator.name,
    values: { organisation: await organisationName(tx), id, name: operator.name },
    addresses: [operator.address],
  };
}
