/** The recovery request that gives a manager the old mail of somebody who has left, as it would be sent. */
import type { Handover } from '@chancery/api';

/** @returns undefined where something keeps it from being asked for, or it has been */
export function handoverRequest(
  { id, name }: { readonly id: string; readonly name: string },
  { manager, certificate, problem, leftAt, requestId }: Handover,
  explanation: string | undefined,
) {
  if (manager === null || certificate === null || problem !== null || requestId !== null) return undefined;
  const since = leftAt === null ? 'has left' : `left on ${leftAt.slice(0, 10)}`;
  return {
    personId: id,
    reason: 'departed-employee' as const,
    explanation:
      explanation ??
      `${name} ${since}. ${manager.name} <${manager.address}>, their manager, takes over their work and needs to read their mail of before.`,
    delivery: { kind: 'certificate' as const, certificate },
  };
}

export function describeHandover(
  name: string,
  { manager, problem, keys, requestId }: Handover,
  request: ReturnType<typeof handoverRequest>,
): string {
  const lines = [
    `manager of ${name}: ${manager === null ? 'nobody says who' : `${manager.name} <${manager.address}>`}`,
    `keys in escrow: ${keys}`,
    ...(problem === null ? [] : [problem]),
    ...(requestId === null
      ? []
      : [`A request is under way: ${requestId}. See it with "chancery escrow show ${requestId}".`]),
    ...(request === undefined
      ? []
      : [
          `would be asked for, encrypted to the manager's certificate: ${request.explanation}`,
          'Nothing was asked for. Add --request to ask the recovery officers.',
        ]),
  ];
  return lines.join('\n');
}
