/** Challenges for devices, and what devices asked for. */
import type { Challenge } from '@chancery/api';
import { publicUrlOf } from '../../config.ts';
import { AuthorityError } from '../../errors.ts';
import { consult, perform } from '../../operation.ts';
import { requestOf } from '../../ra/certificate-request.ts';
import { type MadeChallenge, makeChallenge, withdrawChallenge } from '../../ra/challenge.ts';
import { describeChallenges, describeEnrolment, enrolmentDetail } from '../../ra/describe-enrolment.ts';
import { certificateOf, decideAndIssue, enrolDevice } from '../../ra/device-enrolment.ts';
import { loseDevice } from '../../ra/lost-device.ts';
import { readUpload } from '../../ra/read-upload.ts';
import { certificateBySerial } from '../../store/certificates.ts';
import { listDeviceEnrolments, openEnrolmentChallenges } from '../../store/device-enrolments.ts';
import { personByAddress } from '../../store/people.ts';
import type { World } from '../../world.ts';
import type { Handlers } from './handler.ts';
import { issued } from './issued.ts';

export const enrolmentHandlers: Handlers<
  | 'makeChallenge'
  | 'makeChallengeFor'
  | 'challenges'
  | 'allChallenges'
  | 'withdrawChallenge'
  | 'enrolments'
  | 'enrolment'
  | 'decideEnrolment'
  | 'loseDevice'
  | 'loseMyDevice'
  | 'makeMyChallenge'
  | 'readMyRequest'
  | 'myCertificate'
  | 'uploadMyRequest'
> = {
  async makeChallenge({ world, by }, { params, body }) {
    return shown(world, await perform(world, makeChallenge, by, { personId: params.id, ...body }));
  },
  async makeChallengeFor({ world, by }, { body }) {
    const { address, ...challenge } = body;
    const person = await consult(world, 'challenge:make', by, (snapshot) => personByAddress(snapshot, address));
    if (person === undefined)
      throw new AuthorityError('not-found', `Nobody here has the address ${address}. Nothing was made.`);
    return shown(world, await perform(world, makeChallenge, by, { personId: person.id, ...challenge }));
  },
  async challenges({ world, by }, { params }) {
    const rows = await consult(world, 'person:read', by, (snapshot) =>
      openEnrolmentChallenges(snapshot, params.id, world.clock()),
    );
    return {
      items: rows.map(({ id, profile, use, approval, made_by: madeBy, created_at, expires_at }) => ({
        id,
        profile,
        use,
        approval,
        madeBy,
        createdAt: created_at.toISOString(),
        expiresAt: expires_at.toISOString(),
      })),
    };
  },
  async allChallenges({ world, by }, { query }) {
    return consult(world, 'person:read', by, (snapshot) => describeChallenges(world, snapshot, query.state));
  },
  async withdrawChallenge({ world, by }, { params }) {
    await perform(world, withdrawChallenge, by, params);
    return { done: true };
  },
  async enrolments({ world, by }, { query }) {
    const rows = await consult(world, 'person:read', by, (snapshot) =>
      listDeviceEnrolments(snapshot, { state: query.state, limit: 200 }),
    );
    return { items: rows.map(describeEnrolment) };
  },
  async enrolment({ world, by }, { params }) {
    return consult(world, 'person:read', by, (snapshot) => enrolmentDetail(world, snapshot, params.id));
  },
  async decideEnrolment({ world, by }, { params, body }) {
    await decideAndIssue(world, by, { ...params, ...body });
    return { done: true };
  },
  async loseDevice({ world, by }, { params, body }) {
    return loseDevice(world, by, { deviceId: params.id, ...body });
  },
  async loseMyDevice({ world, by }, { params, body }) {
    return loseDevice(world, by, { deviceId: params.id, ...body });
  },
  async makeMyChallenge({ world, by }, { body }) {
    return shown(world, await perform(world, makeChallenge, by, { personId: by.id, ...body }));
  },
  async readMyRequest({ world, by }, { body }) {
    return consult(world, 'self:read', by, (snapshot) => readUpload(world, snapshot, by.id, body.csr));
  },
  async myCertificate({ world, by }, { params: { serialNumber } }) {
    const own = await consult(world, 'self:read', by, async (snapshot) => {
      const row = await certificateBySerial(snapshot, serialNumber);
      return row?.person_id === by.id;
    });
    if (!own) throw new AuthorityError('not-found', 'There is no such certificate of yours.');
    return issued(await certificateOf(world, serialNumber));
  },
  async uploadMyRequest({ world, by }, { body }) {
    const enrolled = await enrolDevice(world, by, {
      protocol: 'upload',
      label: 'default',
      use: 'signing',
      request: requestOf(body.csr),
      transactionId: null,
      proof: { kind: 'session' },
    });
    return {
      id: enrolled.id,
      state: enrolled.state === 'issued' ? 'issued' : 'waiting',
      certificate: enrolled.state === 'issued' ? issued(enrolled.certificate) : null,
    };
  },
};

function shown(world: World, { expiresAt, ...made }: MadeChallenge): Challenge {
  const { scep } = world.config.enrolment;
  return {
    ...made,
    expiresAt: expiresAt.toISOString(),
    estUrl: estUrlOf(world),
    scepUrl: scep && made.use === 'signing' ? `${publicUrlOf(world.config)}/scep` : null,
  };
}

function estUrlOf({ config }: World): string | null {
  const { est } = config.enrolment;
  if (est === undefined) return null;
  const base = est.publicUrl ?? (est.proxy === undefined ? `https://${est.host}:${est.port}` : publicUrlOf(config));
  return `${base.replace(/\/+$/, '')}/.well-known/est`;
}
