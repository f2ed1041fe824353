// What the document promises and no linter rule can say. Usage: tsx src/document.ts FILE

import { readdirSync, readFileSync } from "node:fs";
import { check, run } from "./report.ts";

type Json = Record<string, any>;

const METHODS = ["get", "put", "post", "patch", "delete"];
// Operations that anybody may call. An operation that is public and not here is a mistake.
const PUBLIC = [
  "GET /",
  "GET /v1/library/protocol.schema.json",
  "GET /.well-known/jwks.json",
  "GET /healthz",
  "GET /openapi.json",
  "GET /readyz",
  "POST /v1/auth/invitations/accept",
  "POST /v1/auth/login",
  "POST /v1/auth/logout",
  "POST /v1/auth/password-reset",
  "POST /v1/auth/email-change/confirm",
  "POST /v1/auth/password-reset/confirm",
  "POST /v1/auth/refresh",
  "POST /v1/auth/sign-in-links",
  "POST /v1/auth/sign-in-links/exchange",
  "GET /v1/unsubscribe/{token}",
  "POST /v1/unsubscribe/{token}",
];

// These only compute an answer from their body and write nothing: sent twice, they say the same twice.
const COMPUTES = [
  "POST /v1/clinic/protocols/check",
  "POST /v1/clinic/protocols/{key}/versions/{version}/preview",
  "POST /v1/clinic/protocols/{key}/versions/{version}/simulate",
];

await run("document", () => {
  const document: Json = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
  const schemas: Json = document.components.schemas;
  const follow = (node: Json): Json =>
    node.$ref ? follow(node.$ref.slice(2).split("/").reduce((at: Json, key: string) => at[key], document)) : node;
  const operations = Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      method,
      operation: item[method] as Json,
    })),
  );
  const wrong = (find: (one: (typeof operations)[number]) => unknown) => operations.filter(find).map((one) => one.name);
  const none = (what: string, found: unknown[]) => check(`${what}`, found.length === 0, found);

  console.log(`      ${operations.length} operations, ${Object.keys(schemas).length} schemas`);
  none("every operation has an id, one tag, a summary and a description", wrong(({ operation: o }) => !(o.operationId && o.tags?.length === 1 && o.summary && o.description)));
  none("every operation needs a token or is on the public list", wrong(({ name, operation: o }) => Boolean(o.security) !== PUBLIC.includes(name)));
  check("the public list has nothing that is not there", PUBLIC.every((name) => operations.some((one) => one.name === name)));

  const responses = operations.flatMap(({ name, operation }) =>
    Object.entries<Json>(operation.responses).map(([status, response]) => ({ name: `${name} ${status}`, status, response: follow(response), bare: !response.$ref })));
  none(
    "every 4xx and 5xx is a problem, but for what never reaches a route",
    responses
      .filter(({ status, response, bare }) => /^[45]/.test(status) && !(bare && status === "400" && !response.content))
      .filter(({ response }) => follow(response.content?.["application/problem+json"]?.schema ?? {}) !== schemas.Problem)
      .map(({ name }) => name),
  );
  const has = (operation: Json, ...wanted: string[]) => wanted.every((status) => operation.responses[status]);
  none("every operation can fail with 500", wrong(({ operation: o }) => !has(o, "500")));
  none("with a token: 401", wrong(({ operation: o }) => !o.security && !has(o, "401")));
  none("with a body: 400, 408, 413, 415, 422", wrong(({ operation: o }) => o.requestBody && !has(o, "400", "408", "413", "415", "422")));
  none("with an id in the path: 404", wrong(({ path, operation: o }) => path.includes("{") && !has(o, "404")));
  const takes = (o: Json, header: string) => (o.parameters ?? []).map(follow).find((p: Json) => p.in === "header" && p.name === header);
  none("with If-Match: required, 412, 428 and an ETag", wrong(({ operation: o }) => takes(o, "If-Match") && !(takes(o, "If-Match").required && has(o, "412", "428") && o.responses["200"].headers?.ETag)));
  none("with If-None-Match: 304 and an ETag", wrong(({ operation: o }) => takes(o, "If-None-Match") && !(has(o, "304") && o.responses["200"].headers?.ETag)));
  none("every PATCH takes If-Match", wrong(({ method, operation: o }) => method === "patch" && !takes(o, "If-Match")));
  check("what only computes is there", COMPUTES.every((name) => operations.some((one) => one.name === name)));
  none("every POST of the clinic can be sent twice", wrong(({ name, method, path, operation: o }) => method === "post" && path.startsWith("/v1/clinic/") && !COMPUTES.includes(name) && !takes(o, "Idempotency-Key") && !takes(o, "If-Match")));

  // Schemas, by where they are used.
  const used = (node: unknown, into = new Set<string>()): Set<string> => {
    if (Array.isArray(node)) node.forEach((one) => used(one, into));
    else if (node && typeof node === "object") {
      const at = node as Json;
      const name = typeof at.$ref === "string" && at.$ref.match(/^#\/components\/(schemas|responses)\/(.+)$/);
      if (name && !into.has(name[2]!)) {
        into.add(name[2]!);
        used(document.components[name[1]!][name[2]!], into);
      }
      Object.values(at).forEach((one) => used(one, into));
    }
    return into;
  };
  const asked = used(operations.map(({ operation }) => operation.requestBody));
  const answered = used(operations.map(({ operation }) => operation.responses));
  const objects = Object.entries<Json>(schemas).filter(([, schema]) => schema.properties);
  none("bodies refuse unknown fields", objects.filter(([name, s]) => asked.has(name) && s.additionalProperties !== false).map(([name]) => name));
  none("answers may grow", objects.filter(([name, s]) => answered.has(name) && s.additionalProperties === false).map(([name]) => name));
  none("no schema serves as body and as answer", objects.filter(([name]) => asked.has(name) && answered.has(name)).map(([name]) => name));

  const anonymous: string[] = [];
  const loose: string[] = [];
  const walk = (node: Json, path: string, top: boolean, inBody: boolean) => {
    if (Array.isArray(node)) return node.forEach((one, index) => walk(one, `${path}/${index}`, false, inBody));
    if (!node || typeof node !== "object") return;
    if (node.properties && !top) anonymous.push(path);
    if (inBody && node.type === "string" && !node.format && !node.enum && !node.maxLength && !path.endsWith("/propertyNames")) loose.push(path);
    for (const [key, one] of Object.entries(node)) if (key !== "example" && key !== "examples") walk(one, `${path}/${key}`, key === "schemas", inBody);
  };
  for (const [name, schema] of Object.entries<Json>(schemas)) walk(schema, name, true, asked.has(name) && !answered.has(name));
  walk(document.paths, "paths", false, false);
  none("every object has a name", anonymous);
  none("every text in a body has a format, a list of words, or a length", loose);
  none("every id is a uuid", Object.entries<Json>(schemas).filter(([name, s]) => /Id$/.test(name) && s.format !== "uuid").map(([name]) => name));
  none("words are written like_this", Object.entries<Json>(schemas).flatMap(([name, s]) => (s.enum ?? []).filter((word: unknown) => !/^[a-z][a-z0-9_]*$/.test(String(word))).map((word: unknown) => `${name}.${word}`)));
  none("every schema is used", Object.keys(schemas).filter((name) => !asked.has(name) && !answered.has(name) && !used(operations.map(({ operation }) => operation.parameters)).has(name)));

  // utoipa lets the second of two types of one name overwrite the first, without a word.
  const sources = readdirSync("../src", { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".rs"));
  const derived = sources.flatMap((path) =>
    [...readFileSync(`../src/${path}`, "utf8").matchAll(/ToSchema\)\]\n((?:\s*#\[.*\]\n)*)(?:pub )?(?:struct|enum) (\w+)/g)].map((found) => found[1]!.match(/schema\(as = (\w+)/)?.[1] ?? found[2]!));
  check(`${derived.length} types of the code become schemas`, derived.length > 50, derived);
  none("no two of them have one name", derived.filter((name, index) => derived.indexOf(name) !== index));

  // An example of every JSON body and answer can be put together.
  const holes = (node: Json, path: string, seen: string[]): string[] => {
    const schema = follow(node);
    if (node.$ref && seen.includes(node.$ref)) return [];
    const inner = node.$ref ? [...seen, node.$ref] : seen;
    if (schema.example !== undefined || schema.examples?.length || schema.const !== undefined || schema.default !== undefined) return [];
    if (schema.oneOf) return schema.oneOf.some((one: Json) => one.type !== "null" && holes(one, path, inner).length === 0) ? [] : [path];
    if (schema.properties) return Object.entries<Json>(schema.properties).flatMap(([key, one]) => holes(one, `${path}/${key}`, inner));
    if (schema.items) return holes(schema.items, `${path}/*`, inner);
    return [path];
  };
  const bodies = [
    ...operations.filter(({ operation }) => operation.requestBody).map(({ name, operation }) => ({ name: `${name} body`, content: operation.requestBody.content })),
    ...responses.map(({ name, response }) => ({ name, content: response.content })),
  ].flatMap(({ name, content }) => Object.entries<Json>(content ?? {}).filter(([type]) => type.includes("json")).map(([, media]) => ({ name, media })));
  none("every JSON body and answer has an example", bodies.flatMap(({ name, media }) => (media.example !== undefined ? [] : holes(media.schema, name, []))));
});
