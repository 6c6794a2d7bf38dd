// A real OpenID Connect provider for one test: node provider.mjs NODE_MODULES REDIRECT_URI…
// Prints its issuer on the first line and goes on until its standard input ends. Whoever logs in as NAME is NAME, has
// NAME@example.org, and that address is verified unless NAME begins with "unverified". The password is not looked at.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [modules, ...redirect_uris] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));

const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://localhost:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "lumina", client_secret: "a secret of the client", redirect_uris }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: `${id[0].toUpperCase()}${id.slice(1)} Example`,
      preferred_username: id,
      email: `${id}@example.org`,
      email_verified: !id.startsWith("unverified"),
    }),
  }),
});
server.on("request", provider.callback());
console.log(issuer);
process.stdin.resume().on("end", () => process.exit(0));
