/** Every page and where it lives. Pages load when they are needed; filters live in the address, so that Back works. */
import { CertificateState, CertificateUse, ProfileId, UnreachableReason } from '@chancery/api';
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { z } from 'zod';
import { isUnauthenticated, meQuery, officeQuery, queryClient } from './api.ts';
import { InventorySearch } from './inventory/search.ts';
import { MailSearch } from './mail/search.ts';
import { Failed, NotFound } from './shell/Failed.tsx';

const rootRoute = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Failed });

const optionalText = z.string().optional().catch(undefined);

const signIn = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: z.object({ back: optionalText }),
  component: lazyRouteComponent(() => import('./sign-in/SignInPage.tsx'), 'SignInPage'),
});
/** Where an identity provider sends the browser back to. */
const signInReturn = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in/with/$provider',
  component: lazyRouteComponent(() => import('./sign-in/ReturnPage.tsx'), 'ReturnPage'),
});
const setup = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  component: lazyRouteComponent(() => import('./setup/SetupPage.tsx'), 'SetupPage'),
});
const invitation = createRoute({
  getParentRoute: () => rootRoute,
  path: '/invitation',
  component: lazyRouteComponent(() => import('./invitation/InvitationPage.tsx'), 'InvitationPage'),
});
const claim = createRoute({
  getParentRoute: () => rootRoute,
  path: '/claim',
  component: lazyRouteComponent(() => import('./claim/ClaimPage.tsx'), 'ClaimPage'),
});

/** A person's own page: it signs in by itself, apart from the office. */
const me = createRoute({
  getParentRoute: () => rootRoute,
  path: '/me',
  component: lazyRouteComponent(() => import('./me/MePage.tsx'), 'MePage'),
});
const myRecords = createRoute({
  getParentRoute: () => rootRoute,
  path: '/me/records',
  component: lazyRouteComponent(() => import('./me/RecordsPage.tsx'), 'RecordsPage'),
});
const gmailReturn = createRoute({
  getParentRoute: () => rootRoute,
  path: '/me/gmail',
  component: lazyRouteComponent(() => import('./me/GmailReturnPage.tsx'), 'GmailReturnPage'),
});

/** Everything behind sign-in. */
const office = createRoute({
  getParentRoute: () => rootRoute,
  id: 'office',
  beforeLoad: async ({ location }) => {
    const [state, me] = await Promise.all([
      queryClient.ensureQueryData(officeQuery),
      queryClient.ensureQueryData(meQuery).catch((error: unknown) => {
        if (isUnauthenticated(error)) return null;
        throw error;
      }),
    ]);
    if (!state.setUp || me === null) throw redirect({ to: '/sign-in', search: { back: location.href } });
  },
  component: lazyRouteComponent(() => import('./shell/Shell.tsx'), 'Shell'),
});

const overview = createRoute({
  getParentRoute: () => office,
  path: '/',
  component: lazyRouteComponent(() => import('./overview/OverviewPage.tsx'), 'OverviewPage'),
});
const people = createRoute({
  getParentRoute: () => office,
  path: '/people',
  validateSearch: z.object({
    search: optionalText,
    show: z.enum(['uncovered', 'suspended', 'left', 'all']).optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./people/PeoplePage.tsx'), 'PeoplePage'),
});
const importPeople = createRoute({
  getParentRoute: () => office,
  path: '/people/import',
  component: lazyRouteComponent(() => import('./people/ImportPage.tsx'), 'ImportPage'),
});
const person = createRoute({
  getParentRoute: () => office,
  path: '/people/$id',
  component: lazyRouteComponent(() => import('./people/PersonPage.tsx'), 'PersonPage'),
});
const certificates = createRoute({
  getParentRoute: () => office,
  path: '/certificates',
  validateSearch: z.object({
    search: optionalText,
    use: CertificateUse.optional().catch(undefined),
    state: CertificateState.optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./certificates/CertificatesPage.tsx'), 'CertificatesPage'),
});
const renewals = createRoute({
  getParentRoute: () => office,
  path: '/certificates/renewals',
  component: lazyRouteComponent(() => import('./renewals/RenewalsPage.tsx'), 'RenewalsPage'),
});
const imported = createRoute({
  getParentRoute: () => office,
  path: '/certificates/imported',
  validateSearch: z.object({ search: optionalText }),
  component: lazyRouteComponent(() => import('./imports/ImportedPage.tsx'), 'ImportedPage'),
});
const importCertificates = createRoute({
  getParentRoute: () => office,
  path: '/certificates/import',
  component: lazyRouteComponent(() => import('./imports/ImportCertificatesPage.tsx'), 'ImportCertificatesPage'),
});
const certificate = createRoute({
  getParentRoute: () => office,
  path: '/certificates/$serialNumber',
  component: lazyRouteComponent(() => import('./certificates/CertificatePage.tsx'), 'CertificatePage'),
});
const publication = createRoute({
  getParentRoute: () => office,
  path: '/publication',
  validateSearch: z.object({
    search: optionalText,
    reason: UnreachableReason.optional().catch(undefined),
    target: optionalText,
  }),
  component: lazyRouteComponent(() => import('./publication/PublicationPage.tsx'), 'PublicationPage'),
});
const recovery = createRoute({
  getParentRoute: () => office,
  path: '/recovery',
  validateSearch: z.object({
    state: z.enum(['open', 'approved', 'released', 'rejected', 'expired']).optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./recovery/RecoveryPage.tsx'), 'RecoveryPage'),
});
const newRecovery = createRoute({
  getParentRoute: () => office,
  path: '/recovery/new',
  validateSearch: z.object({ person: optionalText, handover: z.literal(true).optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./recovery/NewRecoveryPage.tsx'), 'NewRecoveryPage'),
});
const recoveryRequest = createRoute({
  getParentRoute: () => office,
  path: '/recovery/$id',
  component: lazyRouteComponent(() => import('./recovery/RecoveryRequestPage.tsx'), 'RecoveryRequestPage'),
});
const devices = createRoute({
  getParentRoute: () => office,
  path: '/devices',
  component: lazyRouteComponent(() => import('./enrolment/DevicesPage.tsx'), 'DevicesPage'),
});
const retention = createRoute({
  getParentRoute: () => office,
  path: '/retention',
  component: lazyRouteComponent(() => import('./retention/RetentionPage.tsx'), 'RetentionPage'),
});
const vault = createRoute({
  getParentRoute: () => office,
  path: '/vault',
  component: lazyRouteComponent(() => import('./vault/VaultPage.tsx'), 'VaultPage'),
});
const mail = createRoute({
  getParentRoute: () => office,
  path: '/mail',
  validateSearch: MailSearch,
  component: lazyRouteComponent(() => import('./mail/MailPage.tsx'), 'MailPage'),
});
const mailRecord = createRoute({
  getParentRoute: () => office,
  path: '/mail/$id',
  component: lazyRouteComponent(() => import('./mail/MailRecordPage.tsx'), 'MailRecordPage'),
});
const heldMail = createRoute({
  getParentRoute: () => office,
  path: '/held-mail',
  validateSearch: z.object({
    search: optionalText,
    direction: z.enum(['outbound', 'inbound']).optional().catch(undefined),
    // The one that is looked at.
    message: z.uuid().optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./held/HeldPage.tsx'), 'HeldPage'),
});
const correspondents = createRoute({
  getParentRoute: () => office,
  path: '/correspondents',
  validateSearch: z.object({ search: optionalText, waiting: z.literal('yes').optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./correspondents/CorrespondentsPage.tsx'), 'CorrespondentsPage'),
});
const correspondent = createRoute({
  getParentRoute: () => office,
  path: '/correspondents/$id',
  component: lazyRouteComponent(() => import('./correspondents/CorrespondentPage.tsx'), 'CorrespondentPage'),
});
const ofVersion = z.coerce.number().int().min(1).optional().catch(undefined);
const mailRules = createRoute({
  getParentRoute: () => office,
  path: '/mail-rules',
  validateSearch: z.object({ version: ofVersion }),
  component: lazyRouteComponent(() => import('./mail-rules/RulesPage.tsx'), 'RulesPage'),
});
const editMailRules = createRoute({
  getParentRoute: () => office,
  path: '/mail-rules/edit',
  // The version that they are made from; the one in force without it.
  validateSearch: z.object({ from: ofVersion }),
  component: lazyRouteComponent(() => import('./mail-rules/EditorPage.tsx'), 'EditorPage'),
});
const notices = createRoute({
  getParentRoute: () => office,
  path: '/notices',
  validateSearch: z.object({ tab: z.enum(['inbox', 'sent', 'rules', 'texts']).optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./notices/NoticesPage.tsx'), 'NoticesPage'),
});
const inventory = createRoute({
  getParentRoute: () => office,
  path: '/inventory',
  validateSearch: InventorySearch,
  component: lazyRouteComponent(() => import('./inventory/InventoryPage.tsx'), 'InventoryPage'),
});
const audit = createRoute({
  getParentRoute: () => office,
  path: '/audit',
  validateSearch: z.object({
    search: optionalText,
    action: optionalText,
    subject: optionalText,
    actor: optionalText,
    outcome: z.enum(['attempted', 'succeeded', 'denied', 'failed']).optional().catch(undefined),
    from: optionalText,
    until: optionalText,
  }),
  component: lazyRouteComponent(() => import('./audit/AuditPage.tsx'), 'AuditPage'),
});
const inspect = createRoute({
  getParentRoute: () => office,
  path: '/inspect',
  component: lazyRouteComponent(() => import('./inspect/InspectPage.tsx'), 'InspectPage'),
});
const sources = createRoute({
  getParentRoute: () => office,
  path: '/sources',
  component: lazyRouteComponent(() => import('./sources/SourcesPage.tsx'), 'SourcesPage'),
});
const operators = createRoute({
  getParentRoute: () => office,
  path: '/operators',
  component: lazyRouteComponent(() => import('./operators/OperatorsPage.tsx'), 'OperatorsPage'),
});
const profiles = createRoute({
  getParentRoute: () => office,
  path: '/profiles',
  component: lazyRouteComponent(() => import('./profiles/ProfilesPage.tsx'), 'ProfilesPage'),
});
const profile = createRoute({
  getParentRoute: () => office,
  path: '/profiles/$id',
  // `as`: the document of this profile, to become a new one of that name.
  validateSearch: z.object({ as: ProfileId.optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./profiles/ProfilePage.tsx'), 'ProfilePage'),
});
const authorities = createRoute({
  getParentRoute: () => office,
  path: '/authorities',
  component: lazyRouteComponent(() => import('./authorities/AuthoritiesPage.tsx'), 'AuthoritiesPage'),
});
const authority = createRoute({
  getParentRoute: () => office,
  path: '/authorities/$id',
  component: lazyRouteComponent(() => import('./authorities/AuthorityPage.tsx'), 'AuthorityPage'),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    signIn,
    signInReturn,
    setup,
    invitation,
    claim,
    me,
    myRecords,
    gmailReturn,
    office.addChildren([
      overview,
      people,
      importPeople,
      person,
      certificates,
      renewals,
      imported,
      importCertificates,
      certificate,
      publication,
      recovery,
      newRecovery,
      recoveryRequest,
      devices,
      retention,
      vault,
      mail,
      mailRecord,
      heldMail,
      correspondents,
      correspondent,
      mailRules,
      editMailRules,
      notices,
      inventory,
      audit,
      inspect,
      operators,
      sources,
      profiles,
      profile,
      authorities,
      authority,
    ]),
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
