// SPDX-License-Identifier: MIT
// What the client library of Trace Compass's viewers makes of a server's answers: node tsp_client.js NODE_MODULES URL. It says what was wrong, and ends with status 1.
const { createRequire } = require('module');
const [modules, url] = process.argv.slice(2);
const load = createRequire(modules + '/');
const { HttpTspClient } = load('tsp-typescript-client/lib/protocol/http-tsp-client');
const { QueryHelper } = load('tsp-typescript-client/lib/models/query/query-helper');

const wrong = [];
let said = '';
const complain = (what) => wrong.push(what);
for (const name of ['log', 'warn', 'error', 'debug'])
    console[name] = (...words) => { said += words.join(' '); };

const client = new HttpTspClient(url + 'tsp/api');
const kinds = { TIME_GRAPH: 'TimeGraph', GANTT_CHART: 'TimeGraph', TREE_TIME_XY: 'XY', TREE_GENERIC_XY: 'GenericXY', DATA_TREE: 'Data' };

async function model(what, call) {
    said = '';
    const response = await call;
    if (!response.isOk() || response.getModel() === undefined)
        complain(`${what}: status ${response.getStatusCode()}, ${response.getStatusMessage()} ${said}`.slice(0, 300));
    return response.isOk() ? response.getModel() : undefined;
}

async function checkOutput(e, output) {
    const id = output.id, uuid = e.UUID, flame = output.type === 'GANTT_CHART';
    const [begin, end] = flame ? [0n, BigInt(e.end) - BigInt(e.start)] : [BigInt(e.start), BigInt(e.end)];
    const range = QueryHelper.timeRangeQuery(begin, end, 100);
    if (output.type === 'TABLE') {
        const columns = await model(`${id} columns`, client.fetchTableColumns(uuid, id, QueryHelper.query()));
        const lines = await model(`${id} lines`, client.fetchTableLines(uuid, id, QueryHelper.tableQuery(columns.model.map(c => c.id), 0, 5)));
        if (!lines || lines.model.lines.length !== 5 || typeof lines.model.size !== 'number') complain(`${id}: lines`);
        return 1;
    }
    const fetchTree = { TimeGraph: 'fetchTimeGraphTree', XY: 'fetchXYTree', GenericXY: 'fetchGenericXYTree', Data: 'fetchDataTree' }[kinds[output.type]];
    const tree = await model(`${id} tree`, client[fetchTree](uuid, id, range));
    const ids = tree ? tree.model.entries.map(entry => entry.id) : [];
    if (ids.some(i => typeof i !== 'number')) complain(`${id}: ids that are no numbers`);
    const some = QueryHelper.selectionTimeRangeQuery(begin, end, 100, ids.slice(0, 50));
    if (kinds[output.type] === 'TimeGraph') {
        const states = await model(`${id} states`, client.fetchTimeGraphStates(uuid, id, some));
        if (states && states.model.rows.length !== ids.slice(0, 50).length) complain(`${id}: rows`);
        if (states && states.model.rows.some(row => row.states.some(state => typeof state.start !== 'bigint'))) complain(`${id}: times that are not exact`);
        await model(`${id} arrows`, client.fetchTimeGraphArrows(uuid, id, range));
        await model(`${id} annotations`, client.fetchAnnotations(uuid, id, some));
        await model(`${id} categories`, client.fetchAnnotationsCategories(uuid, id));
        await model(`${id} styles`, client.fetchStyles(uuid, id, QueryHelper.query()));
    } else if (kinds[output.type] === 'XY') {
        await model(`${id} xy`, client.fetchXY(uuid, id, some));
    } else if (kinds[output.type] === 'GenericXY') {
        await model(`${id} xy`, client.fetchGenericXY(uuid, id, some));
    }
    return 1;
}

async function main() {
    const health = await model('health', client.checkHealth());
    if (!health || health.status !== 'UP') complain('health');
    await model('identifier', client.fetchIdentifier());
    await model('traces', client.fetchTraces());
    const [e] = await model('experiments', client.fetchExperiments());
    const outputs = await model('outputs', client.experimentOutputs(e.UUID));
    await model('marker sets', client.fetchMarkerSets(e.UUID));
    let n = 0;
    for (const output of outputs) n += await checkOutput(e, output);
    process.stdout.write(wrong.length ? wrong.join('\n') + '\n' : `${n} outputs\n`);
    process.exit(wrong.length ? 1 : 0);
}

main().catch(error => { process.stdout.write(`${error.stack}\n${wrong.join('\n')}\n`); process.exit(1); });
