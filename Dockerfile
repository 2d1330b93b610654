# The sources run as they are, so the image is Node, the libraries and the sources. Keep the version of Node that the
# tests run on (the package `node` in package.json).
FROM node:24.21.0-slim AS libraries
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24.21.0-slim
# Nothing is installed in a running container, so no package manager stays in it.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
    && install -d -o node -g node /data
WORKDIR /app
COPY --from=libraries /app/node_modules node_modules
COPY package.json LICENSE ./
COPY src src
COPY deploy deploy
ENV NODE_ENV=production \
    DATA_DIR=/data \
    POLICY_FILE=/etc/jitney/policy.yml
# The embedded database. With DATABASE_URL nothing is written here.
VOLUME /data
# The user `node`, as a number, so that a cluster can see that it is not root.
USER 1000:1000
# Only probes, metrics and the address page come in here, and Slack in HTTP mode. The bot listens on loopback until HOST says otherwise.
EXPOSE 3001
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["node", "-e", "require(process.env.TLS_CERT_FILE ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.PORT || 3001, path: '/livez', rejectUnauthorized: false }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
CMD ["node", "src/main.ts", "start"]
