/** The mark: a wax seal, its ring open like a C, a keyhole in it. Decorative: the name always stands beside it. */
export function SealMark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 64 64" aria-hidden="true" focusable="false" className="seal">
      <path
        fill="var(--seal-wax)"
        d="M32.00 4.80Q39.21 0.41 43.80 7.49Q52.20 6.67 53.27 15.04Q61.19 17.94 58.52 25.95Q64.40 32.00 58.52 38.05Q61.19 46.06 53.27 48.96Q52.20 57.33 43.80 56.51Q39.21 63.59 32.00 59.20Q24.79 63.59 20.20 56.51Q11.80 57.33 10.73 48.96Q2.81 46.06 5.48 38.05Q-0.40 32.00 5.48 25.95Q2.81 17.94 10.73 15.04Q11.80 6.67 20.20 7.49Q24.79 0.41 32.00 4.80Z"
      />
      <path fill="none" stroke="#fff" strokeWidth="5" strokeLinecap="round" d="M43.3 22.7a14.6 14.6 0 1 0 0 18.6" />
      <path fill="#fff" d="M32 26.4a4.2 4.2 0 0 1 2 7.9l1.5 6.1h-7l1.5-6.1a4.2 4.2 0 0 1 2-7.9z" />
    </svg>
  );
}
