// An advice desk in Node: writes once to a customer who asked for it, waits where it is told to, stops on a no.
//
//   npm ci && ACCORD_TOKEN=… node advice_desk.js CUSTOMER
//
// Copied elsewhere it needs protos/ of Accord beside it, or ACCORD_PROTOS naming that folder.
'use strict';

const accord = require('./accord');

async function main(id) {
  const customer = { customerId: id };
  const about = (purpose) => ({ question: { customer, channel: 'email', purpose } });
  const shown = (touchpoint) => ({
    touchpoint,
    language: 'en',
    method: 'DECLARATION_METHOD_BUTTON',
    declarant: 'DECLARANT_CUSTOMER',
    recorder: 'RECORDER_SYSTEM',
  });
  const grant = async (touchpoint, choice) => {
    const request = { requestId: `${id}-${touchpoint}`, customer, evidence: shown(touchpoint), ...choice };
    console.log('grant', (await accord.tell('permissions', 'Grant', request)).status.replace('PERMISSION_STATUS_', ''));
  };
  const check = async (purpose) => {
    const answer = await accord.ask('decisions', 'Check', about(purpose));
    console.log('check', answer.verdict, answer.reason, ...(answer.notBefore ? ['until', answer.notBefore.toISOString()] : []));
    for (const { field, description } of answer.fields || []) console.log(`  ${field} ${description}`);
    return answer;
  };
  const send = async (contactId, purpose) => {
    const answer = await accord.ask('contacts', 'AuthorizeContact', { contactId, ...about(purpose) });
    console.log('authorize', answer.verdict, answer.reason);
    if (!answer.allowed) return;
    // Here the message leaves, with contactId as idempotency key.
    const report = { requestId: `${contactId}-sent`, contactId, outcome: 'CONTACT_OUTCOME_SENT' };
    console.log('report', (await accord.tell('contacts', 'ReportContact', report)).status.replace('CONTACT_STATUS_', ''));
  };

  // Nothing is known of the customer, or of Accord: a no either way, and nobody is written to.
  if ((await check('marketing.advice')).verdict === 'UNDECIDED') return 1;

  // Contact me once.
  await grant('web_advice_form');
  await send(`${id}-advice-1`, 'marketing.advice');
  await send(`${id}-advice-2`, 'marketing.advice');

  // A newsletter, and two weeks of silence.
  await grant('preference_centre', { purposes: ['marketing.newsletter'], channels: ['email'] });
  await check('marketing.newsletter');
  const pausedUntil = { seconds: (Math.floor(Date.now() / 86_400_000) + 14) * 86_400 };
  await accord.tell('customers', 'RecordFacts', { requestId: `${id}-pause`, customer, facts: { pausedUntil } });
  await check('marketing.newsletter');

  // A withdrawal counts from the next check on; it names what was authorised and may still be stopped.
  const no = { requestId: `${id}-no`, customer, evidence: shown('preference_centre'), scope: { purpose: 'marketing' } };
  const { receipts, openContacts } = await accord.tell('permissions', 'Withdraw', no);
  console.log('withdraw', receipts.length, 'entry,', openContacts.length, 'to stop');
  await check('marketing.newsletter');

  // A purpose that nobody catalogued is a mistake, and a no.
  await check('marketing.advise');
  return 0;
}

if (!process.argv[2]) accord.quit('write: node advice_desk.js CUSTOMER');

main(process.argv[2])
  .then((code) => { process.exitCode = code; })
  .catch((error) => {
    console.error(`could not be recorded: ${error.reason || error}`, ...(error.fields || []));
    process.exitCode = 1;
  })
  .finally(accord.close);
