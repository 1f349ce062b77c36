import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The office builds its console from wherever it is started, a test runner too: what people get is always React's production build.
process.env.NODE_ENV = 'production';

export default defineConfig({
  plugins: [react()],
  build: {
    // Everything is its own file under /assets: the content security policy has no room for data: scripts or fonts.
    assetsInlineLimit: 0,
    target: 'es2022',
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [{ name: 'react', test: /node_modules\/(react|react-dom|scheduler)\// }],
        },
      },
    },
  },
});
