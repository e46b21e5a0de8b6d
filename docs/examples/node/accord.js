// How a Node service asks and tells Accord: the token as metadata, a deadline, and anything but ALLOW is a no.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const BRAND = process.env.ACCORD_BRAND || 'maison-alba';
const SERVER = process.env.ACCORD_SERVER || '127.0.0.1:50051';
// A copy of protos/ beside this file, or where this file stands in Accord's repository.
const PLACES = [path.join(__dirname, 'protos'), path.join(__dirname, '../../../protos')];
const PROTOS = process.env.ACCORD_PROTOS || PLACES.find((each) => fs.existsSync(each)) || PLACES[0];
const QUESTION_MILLISECONDS = 2_000; // a customer may be waiting, and a no costs little
const WRITE_MILLISECONDS = 10_000; // what a customer said must not be lost

if (!process.env.ACCORD_TOKEN) quit('set ACCORD_TOKEN to the token that `accord tokens add` printed');
if (!fs.existsSync(path.join(PROTOS, 'accord/v1'))) quit(`no protos in ${PROTOS}: copy protos/ there, or set ACCORD_PROTOS`);

/** Say what is missing before anything can be asked, and end. */
function quit(told) {
  console.error(told);
  process.exit(2);
}

const files = ['contact', 'customer', 'decision', 'permission'].map((noun) => `accord/v1/${noun}_service.proto`);
const loaded = loader.loadSync(files, { includeDirs: [PROTOS], enums: String, arrays: true });
const { v1 } = grpc.loadPackageDefinition(loaded).accord;
const stub = (Service) => new Service(SERVER, grpc.credentials.createInsecure());
const services = {
  contacts: stub(v1.ContactService),
  customers: stub(v1.CustomerService),
  decisions: stub(v1.DecisionService),
  permissions: stub(v1.PermissionService),
};

// Of google.rpc, what an error carries beside its gRPC status.
const { root } = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message BadRequest { repeated FieldViolation field_violations = 1; }
  message FieldViolation { string field = 1; string description = 2; }`);
const lookup = (name) => root.lookupType(`google.rpc.${name}`);

/** Return why a call failed: the reason of error_reason.proto, else the name of the gRPC status; and each faulty field. */
function faultOf(error) {
  const [packed] = error.metadata ? error.metadata.get('grpc-status-details-bin') : [];
  const details = packed ? lookup('Status').decode(packed).details : [];
  const find = (name) => {
    const found = details.find((each) => each.typeUrl.endsWith(`/google.rpc.${name}`));
    return found && lookup(name).decode(found.value);
  };
  const [info, bad] = [find('ErrorInfo'), find('BadRequest')];
  return { reason: info ? info.reason : grpc.status[error.code], fields: bad ? bad.fieldViolations : [] };
}

/** Call once, with the caller's token and a deadline. The promise is rejected with an error that has `reason` and `fields`. */
function call(service, method, request, milliseconds) {
  const caller = new grpc.Metadata();
  caller.set('authorization', `Bearer ${process.env.ACCORD_TOKEN}`);
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + milliseconds };
    services[service][method]({ brand: BRAND, ...request }, caller, options, (error, response) => {
      if (error) reject(Object.assign(error, faultOf(error)));
      else resolve(response);
    });
  });
}

/** Tell Accord something. A request_id that is the same for every attempt makes a repeat harmless. */
const tell = (service, method, request) => call(service, method, request, WRITE_MILLISECONDS);

/** Ask, and never throw: Accord unreachable or slow, or a question it does not understand, is a no with a reason. */
async function ask(service, method, request) {
  try {
    const { decision } = await call(service, method, request, QUESTION_MILLISECONDS);
    return {
      allowed: decision.verdict === 'VERDICT_ALLOW',
      verdict: decision.verdict.replace('VERDICT_', ''),
      reason: decision.reason.replace('DECISION_REASON_', ''),
      notBefore: decision.verdict === 'VERDICT_DEFER' ? new Date(decision.notBefore.seconds * 1000) : null,
    };
  } catch (error) {
    return { allowed: false, verdict: 'UNDECIDED', reason: error.reason, fields: error.fields, notBefore: null };
  }
}

const close = () => Object.values(services).forEach((each) => each.close());

module.exports = { ask, close, quit, tell };
