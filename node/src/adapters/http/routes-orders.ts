/** Routes of what operators say. */
import { type Route, route } from "./route.ts";
import * as schema from "./schemas.ts";
import * as order from "./schemas-orders.ts";

const V1 = "/api/v1";

/** The inbox, approvals, refusals, rollbacks, stops. */
export const ORDER_ROUTES: readonly Route[] = [
  route({
    method: "get",
    path: `${V1}/orders`,
    access: "read",
    summary: "What waits for an operator, what operators said, and which controls they stopped",
    request: { query: schema.noQuery },
    response: order.ordersSchema,
    handle: ({ api }) => api.orders(),
  }),
  route({
    method: "post",
    path: `${V1}/indicators/:id/approvals`,
    access: "command",
    summary:
      "Approves a response at a control; below level 4 it holds once a second operator has said the same",
    request: { params: schema.idParams, query: schema.noQuery, body: order.approvalBody },
    response: order.orderSchema,
    handle: ({ api, who }, { params, body }) => api.approve(params.id, body, who),
  }),
  route({
    method: "post",
    path: `${V1}/indicators/:id/refusals`,
    access: "command",
    summary: "No more than alert at a control, until somebody approves",
    request: { params: schema.idParams, query: schema.noQuery, body: order.refusalBody },
    response: order.orderSchema,
    handle: ({ api, who }, { params, body }) => api.refuse(params.id, body.control, body.reason, who),
  }),
  route({
    method: "post",
    path: `${V1}/indicators/:id/rollbacks`,
    access: "command",
    summary: "Takes a record out of a control, or of all, until somebody approves",
    request: { params: schema.idParams, query: schema.noQuery, body: order.rollbackBody },
    response: order.rollbacksSchema,
    handle: async ({ api, who }, { params, body }) => ({
      orders: await api.rollback(params.id, body.control, body.reason, who),
    }),
  }),
  route({
    method: "post",
    path: `${V1}/controls/stop`,
    access: "command",
    summary: "Takes everything of ours out of a control, or of all, until it is resumed",
    request: { query: schema.noQuery, body: order.stopBody },
    response: order.stopsSchema,
    handle: async ({ api, who }, { body }) => ({
      stops: await api.stopControls(body.control, body.reason, who),
    }),
  }),
  route({
    method: "post",
    path: `${V1}/controls/resume`,
    access: "command",
    summary: "Ends a stop",
    request: { query: schema.noQuery, body: order.resumeBody },
    response: order.resumedSchema,
    handle: async ({ api, who }, { body }) => ({ controls: await api.resumeControls(body.control, who) }),
  }),
];
