package lab
import ("testing";"fmt";"time";"sync";"flag";"strings";"github.com/ebbproject/ebb/sim/matrix")
var row=flag.Int("row",0,"")
var seeds=flag.Int("seeds",1,"")
var only=flag.String("only","","")
var short=flag.Bool("brief",false,"")
func TestMatrix(t *testing.T){
  o:=matrix.Options{Row:*row,Seeds:*seeds,Controllers:[]string{*name}}
  if *short { o.Edition.Short=true }
  jobs,err:=matrix.Jobs(o); if err!=nil {t.Fatal(err)}
  res:=make([]matrix.Result,0,len(jobs)); var mu sync.Mutex; ch:=make(chan matrix.Job)
  var wg sync.WaitGroup
  for range 2 { wg.Add(1); go func(){ defer wg.Done(); for j:=range ch { s:=time.Now(); r:=matrix.Run(j); if d:=time.Since(s); d>20*time.Second { fmt.Println("slow",j,d) }; mu.Lock(); res=append(res,r); mu.Unlock() } }() }
  for _,j:=range jobs { if *only!="" && !strings.Contains(j.String(),*only) {continue}; ch<-j }
  close(ch); wg.Wait()
  for _,r:=range matrix.Reduce(res) {
    s:=fmt.Sprintf("%d %-34s %-12s",r.Row,r.Scenario,r.Against)
    if r.PTR!=nil {s+=fmt.Sprintf(" ptr %.3f",*r.PTR)}
    if r.U!=nil {s+=fmt.Sprintf(" U %.3f",*r.U)}
    if r.Q95!=nil {s+=fmt.Sprintf(" q95 %.2f",*r.Q95)}
    if r.TR!=nil {s+=fmt.Sprintf(" t_r %.2f",*r.TR)}
    s+=fmt.Sprintf(" %v",r.Extra)
    m:=""; if r.Met!=nil { m="UNMET"; if *r.Met {m="met"} }
    fmt.Println(s,"|",r.Target,m)
  }
}
