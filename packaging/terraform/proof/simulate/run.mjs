// Evaluates the simulations that come as one JSON list on standard input, and answers with a list of what became of
// each: the decision, whose policies blocked it, and the statements that decided.
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { readFileSync } from 'node:fs'

const sids = statements => (statements ?? []).map(s => s.statement.sid() ?? '')

async function judge(simulation) {
  const answer = await runSimulation(simulation, {})
  if (answer.resultType === 'error') {
    return { decision: 'error', error: JSON.stringify(answer.errors) }
  }
  if (answer.resultType !== 'single') {
    return { decision: 'error', error: `a resource with a wildcard: ${simulation.request.resource.resource}` }
  }
  const { analysis, ignoredContextKeys } = answer.result
  const parts = [analysis.identityAnalysis, analysis.resourceAnalysis, analysis.permissionBoundaryAnalysis, analysis.endpointAnalysis]
  return {
    decision: answer.overallResult,
    denies: parts.flatMap(part => sids(part?.denyStatements)),
    ignored: ignoredContextKeys ?? [],
  }
}

const simulations = JSON.parse(readFileSync(0, 'utf8'))
const answers = []
for (const simulation of simulations) {
  answers.push(await judge(simulation))
}
process.stdout.write(JSON.stringify(answers))
