// The address of a page as a code that a phone's camera reads. Fetched only when somebody asks for it.
import { encode } from "uqr";

const SVG = "http://www.w3.org/2000/svg";
/** Light modules around the code, without which cameras do not find it. */
const BORDER = 4;

export function pageCode(page: URL, label: string): SVGSVGElement {
  const { data, size } = encode(page.href, { ecc: "M", border: BORDER });
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const dark = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")));
  svg.append(shape("rect", { width: "100%", height: "100%", fill: "#fff" }));
  svg.append(shape("path", { d: dark.join(""), fill: "#000", "shape-rendering": "crispEdges" }));
  return svg;
}

function shape(name: "rect" | "path", attributes: Record<string, string>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
