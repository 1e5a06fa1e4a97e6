import type { Shape } from './shape.ts';

/** Written by hand from GitLab's REST documentation ("Pipelines", "Jobs", "Pipeline trigger tokens"): the fields in use. */

export const pipelineBody = {
  fields: {
    ref: 'text',
    inputs: { map: 'text', optional: true },
    variables: { list: { fields: { key: 'text', value: 'text', variable_type: 'text?' } }, optional: true },
  },
} as const satisfies Shape;

const listedPipeline = {
  id: 'number',
  iid: 'number',
  project_id: 'number',
  status: 'text',
  source: 'text',
  ref: 'text',
  sha: 'text',
  name: 'text?',
  web_url: 'text',
  created_at: 'text',
  updated_at: 'text',
} as const;

/** As lists show it. */
export const listedPipelineShape: Shape = { fields: listedPipeline };

export const pipelineShape: Shape = { fields: { ...listedPipeline, finished_at: 'text?' } };

export const variableShape: Shape = {
  fields: { variable_type: 'text', key: 'text', value: 'text', raw: 'flag' },
};

export const jobShape: Shape = {
  fields: {
    id: 'number',
    name: 'text',
    stage: 'text',
    status: 'text',
    allow_failure: 'flag',
    failure_reason: 'text?',
    web_url: 'text',
    artifacts: { list: { fields: { file_type: 'text', size: 'number', filename: 'text' } } },
  },
};
