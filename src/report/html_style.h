// How the report's page looks and what its tables can do.
//
// Layer: report. Measures nothing.
#pragma once

namespace coldload::report {

inline constexpr const char* k_page_style = R"(
:root{color-scheme:light dark;--text:#1f2328;--line:#d0d7de;--back:#fff;--shade:#f6f8fa;--link:#0969da}
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--line:#3d444d;--back:#0d1117;--shade:#151b23;--link:#4493f8}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.55 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 1rem}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}
h1,p,li{overflow-wrap:anywhere}
a{color:var(--link)}
code{font:.9em ui-monospace,monospace;background:var(--shade);padding:.1em .3em;border-radius:4px;overflow-wrap:anywhere}
pre{background:var(--shade);padding:.8rem;white-space:pre-wrap;border-radius:6px}
pre code{padding:0;background:none}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:2rem 0 0;padding:.7rem 0 0;border-top:1px solid var(--line);font-size:.9rem}
#notes{font-size:1rem;border:0;margin-top:1rem}
#notes+ol{font-size:.9rem;line-height:1.45;margin-top:.3rem;padding-left:1.6rem}
details{border-top:1px solid var(--line);padding:.6rem 0}
nav+h2{margin-top:.8rem}
summary{font-size:1.2rem;font-weight:600;cursor:pointer}
summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.scroll{overflow-x:auto;margin:1rem 0;background:linear-gradient(90deg,var(--back) 1.2rem,transparent 3rem) left/3rem 100% no-repeat local,linear-gradient(270deg,var(--back) 1.2rem,transparent 3rem) right/3rem 100% no-repeat local,linear-gradient(90deg,var(--line),transparent) left/1.2rem 100% no-repeat scroll,linear-gradient(270deg,var(--line),transparent) right/1.2rem 100% no-repeat scroll}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{min-width:4.5rem;padding:.35rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}
th{text-align:left;border-bottom-width:2px}
td:first-child code,th code{white-space:nowrap}
th[align=right],td[align=right]{text-align:right;white-space:nowrap}
th button{all:unset;cursor:pointer;font-weight:600}
th button:focus-visible{outline:2px solid var(--link);outline-offset:2px}
th[aria-sort=ascending] button::after{content:" \25B2"}
th[aria-sort=descending] button::after{content:" \25BC"}
figure{margin:1rem 0;overflow-x:auto}
figure svg{display:block;width:100%;height:auto}
.narrow{display:none}
@media(max-width:40rem){.wide{display:none}.narrow{display:block}}
.scroll:focus-visible{outline:2px solid var(--link)}
@media print{.scroll,figure{overflow:visible}h2,summary{break-after:avoid}figure,tr{break-inside:avoid}nav{display:none}main{max-width:none;padding:0}.scroll{background:none}table{font-size:.8rem}th,td{padding:.25rem .4rem}}
)";

// Without it the page shows the same: only sorting is missing, and folds stay as they are where a
// link leads into one or the page is printed. A column sorts by its first number
// in its unit where it has one ("13.3 s", "57.0 ms", "2 h 19 min", "no, 14.7 s over"), other text
// after numbers and empty cells last either way; the third press gives the report's order back.
inline constexpr const char* k_page_script = R"(
const folds=[...document.querySelectorAll("details")];
const unfold=()=>{const target=location.hash&&document.getElementById(location.hash.slice(1));if(target&&target.localName==="details")target.open=true};
addEventListener("hashchange",unfold);unfold();
let folded=[];
addEventListener("beforeprint",()=>{folded=folds.filter(fold=>!fold.open);folded.forEach(fold=>{fold.open=true})});
addEventListener("afterprint",()=>folded.forEach(fold=>{fold.open=false}));
for(const table of document.querySelectorAll("table")){
  const body=table.tBodies[0];if(!body||body.rows.length<2)continue;
  const units={ms:1e-3,min:60,h:3600,kB:1e3,MB:1e6,GB:1e9,TB:1e12};
  const original=[...body.rows],heads=[...table.tHead.rows[0].cells];
  heads.forEach((head,column)=>{
    const button=document.createElement("button");button.type="button";
    button.append(...head.childNodes);button.title="sort";head.append(button);
    button.addEventListener("click",()=>{
      const now=head.getAttribute("aria-sort"),next=now===null?"ascending":now==="ascending"?"descending":null;
      heads.forEach(other=>other.removeAttribute("aria-sort"));
      if(next===null){body.append(...original);return}
      head.setAttribute("aria-sort",next);
      const value=row=>{const text=row.cells[column].textContent.trim(),found=text.match(/([-+]?)(\d[\d,]*\.?\d*)(?:-[\d.]+)?\s*(ms|min|h\b|[kMGT]B)?(?:\s(\d+)\s(?:min|s))?/);
        if(!found)return[text,Infinity];
        const unit=units[found[3]]||1,size=parseFloat(found[2].replace(/,/g,""))*unit+(found[4]?found[4]*unit/60:0);
        return[text,found[1]==="-"?-size:size]};
      const way=next==="descending"?-1:1;
      const sorted=[...original].sort((a,b)=>{const[s,x]=value(a),[t,y]=value(b);
        return(s==="")-(t==="")||(x===y?way*s.localeCompare(t):x===Infinity?1:y===Infinity?-1:way*(x-y))});
      body.append(...sorted)})})}
)";

}  // namespace coldload::report
