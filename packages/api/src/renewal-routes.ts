/** Routes of renewals and rollovers. */
import { z } from 'zod';
import { ForecastQuery, NewRollover, OverdueRenewal, RenewalForecast, Rollover, RolloverChange } from './renewals.ts';
import { ById, route } from './route.ts';

export const renewalRoutes = {
  renewalForecast: route({
    method: 'GET',
    path: '/api/v1/renewals/forecast',
    summary: 'How many certificates are to be renewed when, by profile and by who has to act',
    access: 'authenticated',
    query: ForecastQuery,
    response: RenewalForecast,
  }),
  overdueRenewals: route({
    method: 'GET',
    path: '/api/v1/renewals/overdue',
    summary: 'What will end unrenewed, and why; what ends first comes first',
    access: 'authenticated',
    response: z.object({ items: z.array(OverdueRenewal) }),
  }),
  rollovers: route({
    method: 'GET',
    path: '/api/v1/rollovers',
    summary: 'Rollovers, newest first',
    access: 'authenticated',
    response: z.object({ items: z.array(Rollover) }),
  }),
  beginRollover: route({
    method: 'POST',
    path: '/api/v1/rollovers',
    summary: 'Renew everyone whose certificate an authority signed that issues no longer',
    access: 'authenticated',
    body: NewRollover,
    response: Rollover,
  }),
  changeRollover: route({
    method: 'POST',
    path: '/api/v1/rollovers/:id',
    summary: 'Pause, resume or end a rollover',
    access: 'authenticated',
    params: ById,
    body: RolloverChange,
    response: Rollover,
  }),
};
