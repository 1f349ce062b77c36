/** What Prometheus scrapes: figures of the database as they are then, and what this process has counted since it began. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { OcspResponder } from '../status/ocsp-responder.ts';
import type { World } from '../world.ts';
import { collect } from './collect.ts';
import { type FamilyName, families, requestBuckets } from './families.ts';

export interface Metrics {
  /** A request was answered. @param route the pattern of its address, never the address */
  observe(route: string, status: number, seconds: number): void;
  /** All figures, in Prometheus's text format. */
  text(world: World, responder: OcspResponder): Promise<string>;
  readonly contentType: string;
}

export function openMetrics(version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'chancery_' });
  const gauges = new Map<FamilyName, Gauge>();
  const counters = new Map<FamilyName, Counter>();
  for (const [name, { type, labels, ...family }] of Object.entries(families) as [
    FamilyName,
    (typeof families)[FamilyName],
  ][]) {
    if (type === 'gauge') {
      gauges.set(name, new Gauge({ ...family, labelNames: labels, registers: [registry] }));
    } else if (type === 'counter') {
      counters.set(name, new Counter({ ...family, labelNames: labels, registers: [registry] }));
    }
  }
  const { requests } = families;
  const durations = new Histogram({
    ...named(requests),
    labelNames: requests.labels,
    buckets: requestBuckets,
    registers: [registry],
  });
  const set = (family: FamilyName, value: number, labels: Readonly<Record<string, string>> = {}) => {
    gauges.get(family)?.set(labels, value);
    counters.get(family)?.inc(labels, value);
  };
  set('info', 1, { version });
  return {
    contentType: registry.contentType,
    observe: (route, status, seconds) => durations.observe({ route, status: `${Math.floor(status / 100)}xx` }, seconds),
    async text(world, responder) {
      // All that counts up is counted elsewhere: here, and in the database, where it outlives this process.
      for (const counter of counters.values()) counter.reset();
      for (const [kind, count] of Object.entries(responder.answers.totals())) set('ocspAnswers', count, { kind });
      try {
        const samples = await collect(world);
        // What is there no more must not stand there any more.
        for (const [family, gauge] of gauges) if (family !== 'info') gauge.reset();
        for (const { family, value, labels } of samples) set(family, value, labels);
        set('collected', 1);
      } catch (error) {
        world.log.warn('metrics.not-collected', { error: error instanceof Error ? error.message : String(error) });
        for (const [family, gauge] of gauges) if (family !== 'info') gauge.reset();
        set('collected', 0);
      }
      return registry.metrics();
    },
  };
}

const named = ({ name, help }: { readonly name: string; readonly help: string }) => ({ name, help });
